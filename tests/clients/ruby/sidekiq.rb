# Sidekiq: jobs done by a worker in a process of its own, one that fails first, and one for later.
# The worker is this file, too, loaded by `sidekiq -r`.

require 'json'
require 'socket'
require 'timeout'
require 'sidekiq'

HOST = '127.0.0.1'.freeze
WORKER_LOG = 'worker.log'.freeze
redis = { url: "redis://#{HOST}:#{ENV.fetch('REDPOLL_PORT')}/0" }
Sidekiq.configure_client { |config| config.redis = redis }
Sidekiq.configure_server do |config|
  config.redis = redis
  config.average_scheduled_poll_interval = 1
end

class Double
  include Sidekiq::Worker
  sidekiq_options retry: 2
  sidekiq_retry_in { 1 }

  def perform(number, fails_first = false)
    tries = Sidekiq.redis { |to| to.incr("tries:#{number}") }
    raise 'as it is to' if fails_first && tries == 1
    Sidekiq.redis { |to| to.hset('results', number, 2 * number) }
  end
end

def result(number)
  Timeout.timeout(30) do
    loop do
      found = Sidekiq.redis { |to| to.hget('results', number) }
      return found.to_i if found
      sleep 0.05
    end
  end
end

def cut
  TCPSocket.open(HOST, ENV.fetch('REDPOLL_CONTROL').to_i) do |control|
    control.write("cut\n")
    raise 'the runner could not cut the connections' unless control.read(3) == "ok\n"
  end
end

def equal(found, expected)
  raise "#{found.inspect} instead of #{expected.inspect}" unless found == expected
end

def part(name)
  Timeout.timeout(60) { yield }
  puts JSON.generate(part: name, ok: true)
rescue StandardError, Timeout::Error => error
  warn error.full_message
  refused = File.foreach(WORKER_LOG).grep(/CROSSSLOT|redpoll refuses/).first
  why = "#{error.class}: #{error.message}#{", the worker says: #{refused}" if refused}"
  puts JSON.generate(part: name, ok: false, why: why)
end

unless Sidekiq.server?
  $stdout.sync = true
  pid = spawn('sidekiq', '-r', File.expand_path(__FILE__), '-c', '2', '-q', 'default',
              '-q', 'low', %i[out err] => WORKER_LOG)
  part('tasks') do
    # Sidekiq looks for what is due only now and then.
    Double.perform_in(1, 21)
    Double.perform_async(30, true)
    10.times { |number| Double.perform_async(number) }
    equal((0...10).map { |number| result(number) }, (0...10).map { |number| 2 * number })
    Double.set(queue: 'low').perform_async(50)
    equal(result(50), 100)
    equal([result(21), result(30)], [42, 60])
  end
  part('after a restart') do
    cut
    Timeout.timeout(10) do
      Double.perform_async(40)
    rescue StandardError
      sleep 0.1
      retry
    end
    equal(result(40), 80)
  end
  Process.kill('KILL', pid)
end
