//! The `redis` crate, as most use it: a multiplexed connection that is made anew when it is lost,
//! or a cluster connection. Argument: the protocol.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands as _, RedisResult, Script, Value};
use redpoll_clients::{cut, eventually, is_cluster_client, is_over_cluster, part, port};

/// The URL, of a database.
fn url(database: u8) -> String {
    let protocol = std::env::args().nth(1).expect("an argument: resp2 or resp3");
    format!("redis://127.0.0.1:{}/{database}?protocol={protocol}", port())
}

/// A client of its own.
fn client(database: u8) -> RedisResult<redis::Client> {
    redis::Client::open(url(database))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    if is_cluster_client() {
        let cluster = redis::cluster::ClusterClient::new([url(0)])?;
        let connection = cluster.get_async_connection().await?;
        all(connection).await;
    } else {
        all(client(0)?.get_connection_manager().await?).await;
        part("watch", watch()).await;
        part("blocking", blocking()).await;
        part("subscriptions", subscriptions()).await;
        if !is_over_cluster() {
            part("databases", databases()).await;
        }
    }
    Ok(())
}

/// The parts that a cluster connection has, too.
async fn all<C: ConnectionLike + Clone + Send + Sync + 'static>(connection: C) {
    part("types", types(connection.clone())).await;
    part("many keys", many_keys(connection.clone())).await;
    part("pipelines", pipelines(connection.clone())).await;
    part("transactions", transactions(connection.clone())).await;
    part("scripts", scripts(connection.clone())).await;
    part("scans", scans(connection.clone())).await;
    part("reconnecting", reconnecting(connection)).await;
}

async fn types<C: ConnectionLike + Send + Sync>(mut to: C) -> Result<()> {
    () = to.set_ex("t:string", "x", 100).await?;
    ensure!(to.get::<_, String>("t:string").await? == "x");
    ensure!(to.get::<_, Option<String>>("t:none").await?.is_none());
    ensure!(to.incr::<_, _, i64>("t:number", 42).await? == 42);
    ensure!(to.incr::<_, _, f64>("t:number", 0.5).await? == 42.5);
    () = to.hset_multiple("t:hash", &[("a", 1), ("b", 2)]).await?;
    let hash: HashMap<String, u8> = to.hgetall("t:hash").await?;
    ensure!(hash == HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
    ensure!(to.rpush::<_, _, u8>("t:list", &["a", "b"]).await? == 2);
    ensure!(to.lrange::<_, Vec<String>>("t:list", 0, -1).await? == ["a", "b"]);
    ensure!(to.sadd::<_, _, u8>("t:set", &[1, 2, 3]).await? == 3);
    ensure!(to.smembers::<_, BTreeSet<u8>>("t:set").await? == BTreeSet::from([1, 2, 3]));
    ensure!(to.zadd::<_, _, _, u8>("t:zset", "a", 2.5).await? == 1);
    let ranks: Vec<(String, f64)> = to.zrange_withscores("t:zset", 0, -1).await?;
    ensure!(ranks == [("a".to_owned(), 2.5)]);
    let id: String = to.xadd("t:stream", "*", &[("f", "v")]).await?;
    let entries: redis::streams::StreamRangeReply = to.xrange_all("t:stream").await?;
    ensure!(entries.ids.len() == 1 && entries.ids[0].id == id);
    let wrong: RedisResult<u8> = to.lpush("t:hash", "x").await;
    ensure!(wrong.is_err_and(|error| error.code() == Some("WRONGTYPE")));
    let big = "x".repeat(2_000_000);
    () = to.set("t:big", &big).await?;
    ensure!(to.get::<_, String>("t:big").await? == big);
    Ok(())
}

async fn many_keys<C: ConnectionLike + Send + Sync>(mut to: C) -> Result<()> {
    let pairs: Vec<(String, u32)> = (0..200).map(|n| (format!("m:{n}"), n)).collect();
    () = to.mset(&pairs).await?;
    let keys: Vec<&String> = pairs.iter().map(|(key, _)| key).collect();
    let values: Vec<u32> = to.mget(&keys).await?;
    ensure!(values == (0..200).collect::<Vec<_>>());
    ensure!(to.exists::<_, u32>(&keys).await? == 200);
    ensure!(to.del::<_, u32>(&keys).await? == 200);
    Ok(())
}

async fn pipelines<C: ConnectionLike + Send + Sync>(mut to: C) -> Result<()> {
    let mut pipe = redis::pipe();
    for n in 0..500 {
        // The cluster connection sends a pipeline to one node.
        pipe.set(format!("{{p}}:{n}"), n).ignore().get(format!("{{p}}:{n}"));
    }
    let values: Vec<u32> = pipe.query_async(&mut to).await?;
    ensure!(values == (0..500).collect::<Vec<_>>());
    Ok(())
}

async fn transactions<C: ConnectionLike + Send + Sync>(mut to: C) -> Result<()> {
    let mut pipe = redis::pipe();
    pipe.atomic().set("{tx}a", 1).ignore().incr("{tx}a", 5).lpush("{tx}b", "x");
    ensure!(pipe.query_async::<(u8, u8)>(&mut to).await? == (6, 1));
    let mut pipe = redis::pipe();
    pipe.atomic().set("{tx}c", "text").lpush("{tx}c", "y").set("{tx}d", "ran");
    ensure!(pipe.query_async::<Value>(&mut to).await.is_err());
    ensure!(to.get::<_, String>("{tx}d").await? == "ran");
    Ok(())
}

async fn scripts<C: ConnectionLike + Send + Sync + Clone>(mut to: C) -> Result<()> {
    let add = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    ensure!(add.key("{e}n").arg(5).invoke_async::<i64>(&mut to).await? == 5);
    () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut to).await?;
    ensure!(add.key("{e}n").arg(2).invoke_async::<i64>(&mut to).await? == 7);
    Ok(())
}

async fn scans<C: ConnectionLike + Send + Sync>(mut to: C) -> Result<()> {
    let pairs: Vec<(String, u32)> = (0..600).map(|n| (format!("f{n}"), n)).collect();
    () = to.hset_multiple("scan-hash", &pairs).await?;
    let fields: HashMap<String, u32> =
        to.hscan("scan-hash").await?.map(Result::unwrap).collect().await;
    ensure!(fields.len() == 600, "{} fields", fields.len());
    if is_cluster_client() {
        return Ok(());
    }
    for n in 0..1000 {
        () = to.set(format!("scan:{n}"), n).await?;
    }
    let found = to.scan_match::<_, String>("scan:*").await?.map(Result::unwrap);
    let found: BTreeSet<String> = found.collect().await;
    ensure!(found.len() == 1000, "{} keys", found.len());
    Ok(())
}

async fn watch() -> Result<()> {
    let mut own = client(0)?.get_multiplexed_async_connection().await?;
    let mut other = client(0)?.get_multiplexed_async_connection().await?;
    () = own.set("{w}n", 1).await?;
    () = redis::cmd("WATCH").arg("{w}n").query_async(&mut own).await?;
    let mut pipe = redis::pipe();
    pipe.atomic().incr("{w}n", 1);
    ensure!(pipe.query_async::<Option<Vec<u8>>>(&mut own).await? == Some(vec![2]));
    () = redis::cmd("WATCH").arg("{w}n").query_async(&mut own).await?;
    () = other.set("{w}n", 10).await?;
    ensure!(pipe.query_async::<Option<Vec<u8>>>(&mut own).await?.is_none());
    Ok(())
}

async fn blocking() -> Result<()> {
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let mut own = client(0)?.get_multiplexed_async_connection_with_config(&patient).await?;
    let mut other = client(0)?.get_multiplexed_async_connection().await?;
    let popped = own.blpop::<_, (String, String)>(&["{b}empty", "{b}list"], 5.0);
    let pushed = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.rpush::<_, _, u8>("{b}list", "late").await
    };
    let (popped, pushed) = tokio::join!(popped, pushed);
    pushed?;
    ensure!(popped? == ("{b}list".to_owned(), "late".to_owned()));
    ensure!(own.brpop::<_, Option<(String, String)>>("{b}empty", 0.2).await?.is_none());
    Ok(())
}

async fn subscriptions() -> Result<()> {
    let mut listener = client(0)?.get_async_pubsub().await?;
    listener.subscribe("news").await?;
    let mut other = client(0)?.get_multiplexed_async_connection().await?;
    for n in 0..100 {
        () = other.publish("news", n).await?;
    }
    let mut messages = listener.on_message();
    for n in 0..100 {
        let message = messages.next().await.context("a message")?;
        ensure!(message.get_payload::<u32>()? == n);
    }
    Ok(())
}

async fn databases() -> Result<()> {
    let mut first = client(0)?.get_multiplexed_async_connection().await?;
    let mut second = client(1)?.get_multiplexed_async_connection().await?;
    () = second.set("d:key", "in 1").await?;
    ensure!(first.get::<_, Option<String>>("d:key").await?.is_none());
    ensure!(second.get::<_, String>("d:key").await? == "in 1");
    Ok(())
}

async fn reconnecting<C: ConnectionLike + Send + Sync + Clone>(mut to: C) -> Result<()> {
    () = to.set("r:before", "kept").await?;
    cut()?;
    let kept: String = eventually(async || to.clone().get("r:before").await).await?;
    ensure!(kept == "kept");
    () = to.set("r:after", "x").await?;
    Ok(())
}
