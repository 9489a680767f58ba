//! A client gets the bytes that the server itself would have sent it, in the protocol it chose.

use anyhow::{Context as _, Result, ensure};

use super::{Story, stories};
use crate::harness::{Stage, Wire};

pub(super) const STORIES: &[Story] = stories![
    replies_are_the_servers_own_in_resp2,
    replies_are_the_servers_own_in_resp3,
    hello_chooses_the_protocol_of_one_client_alone,
];

/// Commands whose replies take every type that data commands give. `@` stands for a hash tag, so
/// that one node has all the keys.
const SCRIPT: &str = "
DEL @s @n @f @h @l @set @set2 @z @z2 @none
SET @s hello
SET @s world GET
SET @s again NX
GET @s
GET @none
GETRANGE @s 1 3
APPEND @s !!
STRLEN @s
GETDEL @none
SETNX @s x
SETEX @s 100 value
EXPIRE @s 500
PERSIST @s
TTL @s
TTL @none
TYPE @s
TYPE @none
INCR @n
DECRBY @n 5
INCRBYFLOAT @f 3.25
INCRBYFLOAT @f 1e2
HSET @h a 1 b two c 3.5
HGETALL @h
HGETALL @none
HMGET @h a zz c
HINCRBYFLOAT @h c 0.25
HEXISTS @h a
HKEYS @h
HVALS @h
HLEN @h
HGET @h zz
HDEL @h a b zz
RPUSH @l a b c d
LRANGE @l 0 -1
LPOP @l
LPOP @l 2
LPOP @none
LPOP @none 2
LINDEX @l 9
LINSERT @l BEFORE d x
LPOS @l none
LLEN @l
SADD @set 3 1 2
SADD @set2 2 3 4
SMEMBERS @set
SMEMBERS @none
SISMEMBER @set 1
SMISMEMBER @set 1 9
SINTER @set @set2
SUNION @set @set2
SDIFF @set @set2
SCARD @set
SPOP @none
ZADD @z 1 a 2.5 b inf c
ZADD @z INCR 1 a
ZADD @z2 1 b 2 c
ZSCORE @z b
ZSCORE @z none
ZRANGE @z 0 -1
ZRANGE @z 0 -1 WITHSCORES
ZRANGE @none 0 -1 WITHSCORES
ZRANGEBYSCORE @z 2 +inf WITHSCORES LIMIT 0 1
ZMSCORE @z a none
ZRANK @z none
ZINCRBY @z 1.5 b
ZCOUNT @z 2 (4
ZPOPMIN @z
ZPOPMAX @z 2
ZPOPMIN @none
MGET @s @none @n
MSET @s 1 @n 2
EXISTS @s @s @n @none
COPY @s @f REPLACE
RENAME @f @set
LPUSH @s x
INCR @h
SETEX @s 0 x
HINCRBY @h c 1
LSET @l 99 x
ZADD @z nan a
GET @z2
EXPIRE @s soon
DEL @s @n @f @h @l @set @set2 @z @z2
";

fn replies_are_the_servers_own_in_resp2(stage: &Stage) -> Result<()> {
    compare_in_protocol(stage, "2")
}

fn replies_are_the_servers_own_in_resp3(stage: &Stage) -> Result<()> {
    compare_in_protocol(stage, "3")
}

fn compare_in_protocol(stage: &Stage, protocol: &str) -> Result<()> {
    let shared = stage.shared()?;
    let script = SCRIPT.replace('@', "{types}");
    let owner = shared.cluster.owners()?[usize::from(shared.cluster.slot("{types}")?)];
    let pairs = [
        ("standalone", shared.server.wire()?, shared.server_proxy.wire()?),
        ("cluster", shared.cluster.nodes[owner].wire()?, shared.proxy.wire()?),
    ];
    for (place, mut server, mut proxy) in pairs {
        server.call(&["HELLO", protocol])?;
        proxy.call(&["HELLO", protocol])?;
        // One after the other, on the same keys: the script begins and ends without them.
        let expected = perform(&mut server, &script)?;
        let replies = perform(&mut proxy, &script)?;
        for ((line, expected), reply) in lines(&script).zip(expected).zip(replies) {
            ensure!(
                reply == expected,
                "{place}, RESP{protocol}: {line} gave {}, the server itself gives {}",
                reply.escape_ascii(),
                expected.escape_ascii()
            );
        }
    }
    Ok(())
}

fn lines(script: &str) -> impl Iterator<Item = &str> {
    script.lines().filter(|line| !line.is_empty())
}

fn perform(wire: &mut Wire, script: &str) -> Result<Vec<Vec<u8>>> {
    lines(script)
        .map(|line| wire.call(&line.split(' ').collect::<Vec<_>>()).context(line.to_owned()))
        .collect()
}

fn hello_chooses_the_protocol_of_one_client_alone(stage: &Stage) -> Result<()> {
    let shared = stage.shared()?;
    for proxy in [&shared.proxy, &shared.server_proxy] {
        let (mut two, mut three) = (proxy.wire()?, proxy.wire()?);
        let hello = three.say("HELLO 3 SETNAME modern")?;
        ensure!(hello.starts_with('%') && hello.contains("$5\r\nproto\r\n:3\r\n"), "{hello:?}");
        ensure!(hello.contains("$4\r\nrole\r\n$6\r\nmaster\r\n"), "{hello:?}");
        ensure!(three.say("CLIENT GETNAME")? == "$6\r\nmodern\r\n");
        let hello = two.say("HELLO 2")?;
        ensure!(hello.starts_with('*') && hello.contains("$5\r\nproto\r\n:2\r\n"), "{hello:?}");

        three.say("DEL hello:h")?;
        three.say("HSET hello:h f v")?;
        for _ in 0..3 {
            ensure!(three.say("HGETALL hello:h")? == "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
            ensure!(two.say("HGETALL hello:h")? == "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
            ensure!(three.say("GET hello:none")? == "_\r\n");
            ensure!(two.say("GET hello:none")? == "$-1\r\n");
        }
        ensure!(three.say("HELLO 2")?.starts_with('*'));
        ensure!(three.say("HGETALL hello:h")?.starts_with('*'));
        ensure!(two.say("CLIENT GETNAME")? == "$-1\r\n", "a name crossed clients");
    }
    Ok(())
}
