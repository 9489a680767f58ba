//! Publish and subscribe: confirmations, messages and their order, one subscription for many
//! clients, and what is heard after nodes fail, slots move and configurations change.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Options, PATIENCE, Proxy, Server, Stage, Wire, command, wait_until};

pub(super) const STORIES: &[Story] = stories![
    a_conversation_of_a_subscriber_is_the_same_direct_and_through_the_proxy,
    what_is_published_after_a_confirmation_is_heard_and_in_order,
    in_resp3_messages_come_between_the_replies_of_a_pipeline,
    a_thousand_subscribers_of_a_channel_cost_a_subscription_a_worker,
    what_the_server_refuses_to_subscribe_to_is_told_in_its_words,
    a_slow_subscriber_is_closed_and_the_others_hear_everything,
    subscriptions_are_made_again_when_their_connection_breaks,
    subscriptions_go_to_another_node_when_theirs_dies,
    a_server_that_falls_silent_is_noticed_without_a_message,
    shard_channels_follow_their_slot,
    subscriptions_move_to_a_new_configuration,
    a_drain_closes_subscribers_once_their_commands_are_answered,
    what_the_nodes_are_subscribed_to_is_added_up,
];

const GAPS: &str = "redpoll_upstream_subscription_gaps_total{upstream=\"main\"}";

/// What a subscriber of a channel hears.
fn message(channel: &str, text: &str) -> String {
    let (a, b) = (channel.len(), text.len());
    format!("*3\r\n$7\r\nmessage\r\n${a}\r\n{channel}\r\n${b}\r\n{text}\r\n")
}

fn text(reply: Vec<u8>) -> Result<String> {
    Ok(String::from_utf8(reply)?)
}

/// A client that is subscribed to what the words name.
fn subscriber(proxy: &Proxy, words: &str) -> Result<Wire> {
    let mut wire = proxy.wire()?;
    let reply = wire.say(words)?;
    ensure!(reply.starts_with("*3\r\n"), "{words} gave {reply:?}");
    Ok(wire)
}

/// Publishes again and again until the subscriber has heard of it; gives what it heard.
fn publish_until_heard(publish: &[&str], at: &Server, subscriber: &mut Wire) -> Result<String> {
    let mut publisher = at.wire()?;
    wait_until("somebody hears it", PATIENCE, || {
        publisher.call(publish)?;
        let heard = subscriber.reply_within(Duration::from_millis(50))?;
        heard.map(text).transpose()
    })
}

fn a_conversation_of_a_subscriber_is_the_same_direct_and_through_the_proxy(
    stage: &Stage,
) -> Result<()> {
    let shared = stage.shared()?;
    for greeting in ["HELLO 2", "HELLO 3"] {
        let mut heard = Vec::new();
        for mut wire in [shared.server.wire()?, shared.server_proxy.wire()?] {
            wire.say(greeting)?;
            let mut all = String::new();
            for (line, replies) in [
                ("SUBSCRIBE a b a", 3),
                ("GET nothing", 1),
                ("PING", 1),
                ("PING hello", 1),
                ("NOSUCH x", 1),
                ("SUBSCRIBE", 1),
                ("PSUBSCRIBE p* q*", 2),
                ("SSUBSCRIBE s", 1),
                ("UNSUBSCRIBE a other", 2),
                ("UNSUBSCRIBE", 1),
                ("UNSUBSCRIBE", 1),
                ("SUNSUBSCRIBE s s", 2),
                ("SUNSUBSCRIBE", 1),
                ("PUNSUBSCRIBE q*", 1),
                ("PUNSUBSCRIBE", 1),
                ("PUNSUBSCRIBE", 1),
                ("GET nothing", 1),
                ("CLIENT REPLY OFF", 0),
                ("SUBSCRIBE a", 1),
                ("RESET", 1),
                ("UNSUBSCRIBE", 1),
            ] {
                wire.send(&command(&line.split(' ').collect::<Vec<_>>()))?;
                for _ in 0..replies {
                    let reply = wire.reply().with_context(|| format!("after {line}"))?;
                    writeln!(all, "{line}: {}", reply.escape_ascii())?;
                }
            }
            heard.push(all);
        }
        ensure!(heard[0] == heard[1], "direct:\n{}\nthrough the proxy:\n{}", heard[0], heard[1]);
    }
    Ok(())
}

fn what_is_published_after_a_confirmation_is_heard_and_in_order(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let mut publisher = proxy.wire()?;
        for round in 0..20 {
            let channel = format!("confirmed:{round}");
            let mut subscribed = subscriber(proxy, &format!("SUBSCRIBE {channel}"))?;
            let texts = (0..50).map(|number| number.to_string());
            for number in texts.clone() {
                publisher.call(&["PUBLISH", &channel, &number])?;
            }
            for number in texts {
                ensure!(text(subscribed.reply()?)? == message(&channel, &number));
            }
            ensure!(subscribed.say("UNSUBSCRIBE")?.ends_with(":0\r\n"));
            publisher.call(&["PUBLISH", &channel, "late"])?;
            ensure!(subscribed.say("PING")? == "+PONG\r\n");
        }
        let mut pattern = subscriber(proxy, "PSUBSCRIBE pattern:*")?;
        publisher.call(&["PUBLISH", "pattern:1", "x"])?;
        let heard = text(pattern.reply()?)?;
        ensure!(heard.starts_with("*4\r\n$8\r\npmessage\r\n$9\r\npattern:*\r\n"), "{heard}");
    }
    Ok(())
}

fn in_resp3_messages_come_between_the_replies_of_a_pipeline(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    let keys = shared.cluster.keys_of(0, "pushed:", 1)?;
    let mut wire = shared.proxy.wire()?;
    wire.say("HELLO 3")?;
    ensure!(wire.say("SUBSCRIBE pushes")?.starts_with(">3\r\n"));
    let mut sent = Vec::new();
    for number in 0..500 {
        let number = number.to_string();
        sent.extend(command(&["PUBLISH", "pushes", &number]));
        sent.extend(command(&["SET", &keys[0], &number]));
        sent.extend(command(&["GET", &keys[0]]));
    }
    wire.send(&sent)?;
    let (mut pushes, mut replies) = (Vec::new(), Vec::new());
    while pushes.len() < 500 || replies.len() < 1_500 {
        let reply = text(wire.reply()?)?;
        if reply.starts_with('>') { pushes.push(reply) } else { replies.push(reply) }
    }
    for (number, replies) in replies.chunks(3).enumerate() {
        let number = number.to_string();
        let got = format!("${}\r\n{number}\r\n", number.len());
        ensure!(replies[0].starts_with(':') && replies[1..] == ["+OK\r\n".to_owned(), got]);
    }
    for (number, push) in pushes.iter().enumerate() {
        ensure!(*push == message("pushes", &number.to_string()).replacen('*', ">", 1), "{push}");
    }
    Ok(())
}

fn a_thousand_subscribers_of_a_channel_cost_a_subscription_a_worker(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("thousand-server"))?;
    let proxy = Proxy::start(&stage.folder("thousand"), Options::server(&server))?;
    let all = (0..1_000).map(|_| subscriber(&proxy, "SUBSCRIBE crowd"));
    let mut all = all.collect::<Result<Vec<_>>>()?;
    let mut publisher = server.wire()?;
    let workers = publisher.say("PUBLISH crowd hello")?;
    ensure!([":1\r\n", ":2\r\n"].contains(&workers.as_str()), "{workers}");
    let count = "PUBSUB NUMSUB crowd";
    let counted = |clients: usize| format!("*2\r\n$5\r\ncrowd\r\n:{clients}\r\n");
    let said = proxy.wire()?.say(count)?;
    ensure!(said == counted(1_000), "{said}");
    for wire in &mut all {
        ensure!(text(wire.reply()?)? == message("crowd", "hello"));
    }
    let connections = server.proxy_connections()?;
    let subscribed = connections.iter().filter(|line| line.contains(" sub=1 ")).count();
    ensure!(subscribed <= 2 && !connections.is_empty(), "{connections:#?}");
    drop(all);
    wait_until("nobody is subscribed", PATIENCE, || {
        Ok((publisher.say("PUBLISH crowd hello")? == ":0\r\n").then_some(()))
    })?;
    ensure!(proxy.wire()?.say(count)? == counted(0));
    ensure!(proxy.metric("redpoll_upstream_subscriptions{upstream=\"main\"}")? == 0);
    proxy.stop()
}

fn what_the_server_refuses_to_subscribe_to_is_told_in_its_words(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("refused-server"))?;
    let reply = server.wire()?.say("ACL SETUSER default resetchannels &ok*")?;
    ensure!(reply == "+OK\r\n", "{reply}");
    let proxy = Proxy::start(&stage.folder("refused"), Options::server(&server))?;
    let mut wire = proxy.wire()?;
    for words in ["SUBSCRIBE secret", "SUBSCRIBE ok1 secret", "PSUBSCRIBE *"] {
        let reply = wire.say(words)?;
        ensure!(reply.starts_with("-NOPERM "), "{words}: {reply}");
    }
    ensure!(wire.say("SUBSCRIBE ok1")?.ends_with("$3\r\nok1\r\n:1\r\n"));
    server.wire()?.say("PUBLISH ok1 hello")?;
    ensure!(text(wire.reply()?)? == message("ok1", "hello"));
    proxy.stop()
}

fn a_slow_subscriber_is_closed_and_the_others_hear_everything(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("slow-server"))?;
    let options = Options::server(&server).with_process("subscriber_output_bytes_max: 9MiB");
    let proxy = Proxy::start(&stage.folder("slow"), options)?;
    let mut slow = subscriber(&proxy, "SUBSCRIBE flood")?;
    let mut fast = subscriber(&proxy, "SUBSCRIBE flood")?;
    let mut publisher = proxy.wire()?;
    let closed = "redpoll_downstream_connections_closed_total{cause=\"subscriber\"}";
    let padding = "x".repeat(100_000);
    let mut published = 0;
    while proxy.metric(closed)? == 0 {
        ensure!(published < 2_000, "it is never closed");
        let number = format!("{published} {padding}");
        publisher.call(&["PUBLISH", "flood", &number])?;
        ensure!(text(fast.reply()?)? == message("flood", &number), "message {published}");
        published += 1;
    }
    ensure!(published > 90, "closed after {published} messages already");
    let heard = slow.read_to_close()?;
    ensure!(heard.len() < published * padding.len());
    ensure!(fast.say("PING")?.contains("pong") && proxy.log()?.contains("a subscriber leaves"));
    proxy.stop()
}

fn subscriptions_are_made_again_when_their_connection_breaks(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("broken-server"))?;
    let proxy = Proxy::start(&stage.folder("broken"), Options::server(&server))?;
    let mut wire = subscriber(&proxy, "SUBSCRIBE news")?;
    let mut shard = subscriber(&proxy, "SSUBSCRIBE shard")?;
    for round in 1..=3 {
        let killed = server.wire()?.say("CLIENT KILL TYPE pubsub")?;
        ensure!(killed != ":0\r\n", "nobody was subscribed");
        let heard = publish_until_heard(&["PUBLISH", "news", "again"], &server, &mut wire)?;
        ensure!(heard == message("news", "again"));
        publish_until_heard(&["SPUBLISH", "shard", "again"], &server, &mut shard)?;
        while wire.reply_within(Duration::from_millis(50))?.is_some() {}
        while shard.reply_within(Duration::from_millis(50))?.is_some() {}
        ensure!(proxy.metric(GAPS)? == 2 * round, "{} gaps", proxy.metric(GAPS)?);
    }
    proxy.stop()
}

fn subscriptions_go_to_another_node_when_theirs_dies(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("dead"), Options::cluster(cluster))?;
        let mut wire = subscriber(&proxy, "SUBSCRIBE news")?;
        let homes = cluster
            .nodes
            .iter_mut()
            .map(|node| Ok(node.proxy_connections()?.iter().any(|line| line.contains(" sub=1 "))));
        let homes = homes.collect::<Result<Vec<_>>>()?;
        let home = homes.iter().position(|is_home| *is_home).context("nobody is subscribed")?;
        cluster.nodes[home].kill();
        let other = &cluster.nodes[(home + 1) % 3];
        let heard = publish_until_heard(&["PUBLISH", "news", "still"], other, &mut wire)?;
        ensure!(heard == message("news", "still") && proxy.metric(GAPS)? == 1);
        cluster.nodes[home].restart()?;
        cluster.wait_until_whole()?;
        cluster.wait_until_agreed()?;
        let mut again = proxy.wire()?;
        wait_until("all slots are served again", PATIENCE, || {
            Ok((again.call(&["SET", "still:here", "yes"])? == b"+OK\r\n").then_some(()))
        })?;
        proxy.stop()
    })
}

fn a_server_that_falls_silent_is_noticed_without_a_message(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("silent-server"))?;
    let options = Options::server(&server).with("stall_timeout: 300ms");
    let proxy = Proxy::start(&stage.folder("silent"), options)?;
    let mut wire = subscriber(&proxy, "SUBSCRIBE news")?;
    server.freeze()?;
    wait_until(
        "the silence is noticed",
        PATIENCE,
        || Ok((proxy.metric(GAPS)? == 1).then_some(())),
    )?;
    server.thaw()?;
    publish_until_heard(&["PUBLISH", "news", "again"], &server, &mut wire)?;
    proxy.stop()
}

fn shard_channels_follow_their_slot(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("moving"), Options::cluster(cluster))?;
        let channel = cluster.keys_of(0, "shard:", 1)?.remove(0);
        let elsewhere = cluster.keys_of(2, "shard:", 1)?.remove(0);
        let mut wire = subscriber(&proxy, &format!("SSUBSCRIBE {channel}"))?;
        let mut both = proxy.wire()?;
        ensure!(both.say(&format!("SSUBSCRIBE {channel} {elsewhere}"))?.ends_with(":1\r\n"));
        ensure!(text(both.reply()?)?.ends_with(":2\r\n"));
        let slot = cluster.slot(&channel)?;
        for (from, to) in [(0, 1), (1, 0)] {
            cluster.move_slot(slot, (from, to), || {
                let mut publisher = proxy.wire()?;
                publisher.call(&["SPUBLISH", &channel, "meanwhile"])?;
                Ok(())
            })?;
            for _ in 0..2 {
                ensure!(text(wire.reply()?)?.ends_with("$9\r\nmeanwhile\r\n"));
            }
            let publish = ["SPUBLISH", channel.as_str(), "moved"];
            let heard = publish_until_heard(&publish, &cluster.nodes[to], &mut wire)?;
            ensure!(heard.starts_with("*3\r\n$8\r\nsmessage\r\n"), "{heard}");
            while wire.reply_within(Duration::from_millis(50))?.is_some() {}
            cluster.wait_until_agreed()?;
        }
        proxy.stop()
    })
}

fn subscriptions_move_to_a_new_configuration(stage: &Stage) -> Result<()> {
    let servers = [
        Server::standalone(&stage.folder("resubscribed-old"))?,
        Server::standalone(&stage.folder("resubscribed-new"))?,
    ];
    let mut proxy = Proxy::start(&stage.folder("resubscribed"), Options::server(&servers[0]))?;
    let mut wire = subscriber(&proxy, "SUBSCRIBE news")?;
    for round in 1..=2 {
        let (new, old) = (&servers[round % 2], &servers[(round + 1) % 2]);
        proxy.reconfigure(Options::server(new))?;
        let heard = publish_until_heard(&["PUBLISH", "news", "moved"], new, &mut wire)?;
        ensure!(heard == message("news", "moved"));
        wait_until("the old server is let go", PATIENCE, || {
            Ok(old.proxy_connections()?.is_empty().then_some(()))
        })?;
        while wire.reply_within(Duration::from_millis(50))?.is_some() {}
    }
    ensure!(wire.say("UNSUBSCRIBE")?.ends_with("$4\r\nnews\r\n:0\r\n"));
    proxy.stop()
}

fn a_drain_closes_subscribers_once_their_commands_are_answered(stage: &Stage) -> Result<()> {
    let server = Server::standalone(&stage.folder("drained-server"))?;
    let options = Options { drain_timeout: PATIENCE, ..Options::server(&server) };
    let mut proxy = Proxy::start(&stage.folder("drained"), options)?;
    let mut idle = subscriber(&proxy, "SUBSCRIBE news")?;
    let mut busy = proxy.wire()?;
    busy.say("HELLO 3")?;
    busy.say("SUBSCRIBE news")?;
    server.wire()?.say("CLIENT PAUSE 500 WRITE")?;
    busy.send(&command(&["SET", "drained", "x"]))?;
    wait_until("the server has the write", PATIENCE, || {
        Ok(server.wire()?.say("CLIENT LIST")?.contains("flags=b").then_some(()))
    })?;
    proxy.terminate()?;
    ensure!(idle.read_to_close()?.is_empty());
    ensure!(text(busy.read_to_close()?)? == "+OK\r\n");
    proxy.wait_for_success(Duration::from_secs(5))
}

fn what_the_nodes_are_subscribed_to_is_added_up(stage: &Stage) -> Result<()> {
    stage.in_arena(|cluster| {
        let proxy = Proxy::start(&stage.folder("counted"), Options::cluster(cluster))?;
        let _channel = subscriber(&proxy, "SUBSCRIBE counted")?;
        let _others: Vec<_> =
            (0..4).map(|_| subscriber(&proxy, "SUBSCRIBE counted")).collect::<Result<_>>()?;
        let _shard: Vec<_> =
            (0..3).map(|_| subscriber(&proxy, "SSUBSCRIBE counted")).collect::<Result<_>>()?;
        let _pattern = subscriber(&proxy, "PSUBSCRIBE counted*")?;
        let mut direct = cluster.nodes[0].wire()?;
        direct.say("SUBSCRIBE counted")?;
        let mut wire = proxy.wire()?;
        for (words, reply) in [
            ("PUBSUB CHANNELS counted", "*1\r\n$7\r\ncounted\r\n"),
            ("PUBSUB NUMSUB counted other", "*4\r\n$7\r\ncounted\r\n:6\r\n$5\r\nother\r\n:0\r\n"),
            ("PUBSUB NUMPAT", ":1\r\n"),
            ("PUBSUB SHARDCHANNELS", "*1\r\n$7\r\ncounted\r\n"),
            ("PUBSUB SHARDNUMSUB counted", "*2\r\n$7\r\ncounted\r\n:3\r\n"),
        ] {
            let said = wire.say(words)?;
            ensure!(said == reply, "{words}: {said:?}");
        }
        proxy.stop()
    })
}
