//! `redpoll demo`: the newcomer's first five minutes.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::process::Signal;

use super::{Story, stories};
use crate::harness::{
    PATIENCE, Process, Proxy, Stage, Wire, free_ports, local, run_tool, wait_until,
};
use crate::load::Load;

pub(super) const STORIES: &[Story] = stories![the_demo_serves_three_nodes_to_redis_cli];

fn the_demo_serves_three_nodes_to_redis_cli(stage: &Stage) -> Result<()> {
    let folder = stage.folder("demo");
    std::fs::create_dir_all(&folder)?;
    let [port] = free_ports()?;
    let mut command = Command::new(Proxy::binary());
    command.args(["demo", "--listen", &local(port).to_string()]);
    let mut demo = Process::spawn(&mut command, &folder.join("demo.log"))?;
    wait_until("the demo stores a key", PATIENCE, || {
        if let Some(status) = demo.ended()? {
            bail!("the demo ended with {status}:\n{}", demo.log_tail());
        }
        let reply = Wire::connect(local(port)).and_then(|mut wire| wire.say("SET greeting hello"));
        Ok(reply.ok().filter(|reply| reply == "+OK\r\n"))
    })?;

    // What it tells the newcomer to type.
    let cli = |words: &str| {
        let mut cli = Command::new("redis-cli");
        run_tool(cli.args(["-p", &port.to_string()]).args(words.split(' ')), "")
    };
    ensure!(cli("MSET a 1 b 2 c 3")? == "OK\n");
    ensure!(cli("MGET a b c greeting")? == "1\n2\n3\nhello\n");
    ensure!(cli("INFO server")?.contains("redis_version:"));

    let load = Load { commands_each: 500, ..Load::anywhere(local(port), 70, 10, 30) };
    load.run()?;
    demo.signal(Signal::INT)?;
    let status = demo.wait(Duration::from_secs(5))?;
    ensure!(status.success(), "the demo ended with {status}:\n{}", demo.log_tail());
    Ok(())
}
