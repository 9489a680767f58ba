//! The `fred` crate: a client that reconnects, in RESP3, plain or in cluster mode.

use std::time::Duration;

use anyhow::{Result, ensure};
use fred::interfaces::*;
use fred::prelude::*;
use fred::types::RespVersion;
use fred::types::scripts::Script;
use redpoll_clients::{cut, eventually, is_cluster_client, is_over_cluster, part, port};

/// A client that is connected.
async fn connect(database: Option<u8>) -> Result<Client> {
    let mut config = Config::default();
    config.server = if is_cluster_client() {
        ServerConfig::new_clustered(vec![("127.0.0.1", port())])
    } else {
        ServerConfig::new_centralized("127.0.0.1", port())
    };
    config.version = RespVersion::RESP3;
    config.database = database;
    let mut builder = Builder::from_config(config);
    builder.set_policy(ReconnectPolicy::new_constant(0, 50));
    builder.with_connection_config(|config| {
        config.connection_timeout = Duration::from_secs(5);
    });
    let client = builder.build()?;
    client.init().await?;
    Ok(client)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let client = connect(None).await?;
    part("types", types(&client)).await;
    part("many keys", many_keys(&client)).await;
    part("pipelines", pipelines(&client)).await;
    part("transactions", transactions(&client)).await;
    part("scripts", scripts(&client)).await;
    part("blocking", blocking(&client)).await;
    part("subscriptions", subscriptions(&client)).await;
    if !is_cluster_client() && !is_over_cluster() {
        part("databases", databases(&client)).await;
    }
    part("reconnecting", reconnecting(&client)).await;
    Ok(())
}

async fn types(to: &Client) -> Result<()> {
    () = to.set("t:string", "x", Some(Expiration::EX(100)), None, false).await?;
    ensure!(to.get::<String, _>("t:string").await? == "x");
    ensure!(to.get::<Option<String>, _>("t:none").await?.is_none());
    ensure!(to.incr_by::<i64, _>("t:number", 42).await? == 42);
    ensure!(to.hset::<u8, _, _>("t:hash", [("a", 1), ("b", 2)]).await? == 2);
    let hash: std::collections::BTreeMap<String, u8> = to.hgetall("t:hash").await?;
    ensure!(hash == [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
    ensure!(to.rpush::<u8, _, _>("t:list", vec!["a", "b"]).await? == 2);
    ensure!(to.lrange::<Vec<String>, _>("t:list", 0, -1).await? == ["a", "b"]);
    ensure!(to.zadd::<u8, _, _>("t:zset", None, None, false, false, (2.5, "a")).await? == 1);
    ensure!(to.zscore::<f64, _, _>("t:zset", "a").await? == 2.5);
    let wrong = to.lpush::<u8, _, _>("t:hash", "x").await;
    ensure!(wrong.is_err_and(|error| error.to_string().contains("WRONGTYPE")));
    let big = "x".repeat(2_000_000);
    () = to.set("t:big", big.as_str(), None, None, false).await?;
    ensure!(to.get::<String, _>("t:big").await? == big);
    Ok(())
}

async fn many_keys(to: &Client) -> Result<()> {
    // In cluster mode the client leaves it to its user that keys go to one node.
    let keys: Vec<String> = (0..200).map(|n| format!("{{m}}:{n}")).collect();
    let pairs: Vec<(String, u32)> = keys.iter().cloned().zip(0..).collect();
    () = to.mset(pairs).await?;
    ensure!(to.mget::<Vec<u32>, _>(keys.clone()).await? == (0..200).collect::<Vec<_>>());
    ensure!(to.del::<u32, _>(keys).await? == 200);
    Ok(())
}

async fn pipelines(to: &Client) -> Result<()> {
    let pipeline = to.pipeline();
    for n in 0..500 {
        () = pipeline.set(format!("p:{n}"), n, None, None, false).await?;
        () = pipeline.get(format!("p:{n}")).await?;
    }
    let replies: Vec<Value> = pipeline.all().await?;
    for (n, pair) in replies.chunks(2).enumerate() {
        ensure!(pair[1].as_u64() == Some(n as u64), "{pair:?}");
    }
    Ok(())
}

async fn transactions(to: &Client) -> Result<()> {
    let transaction = to.multi();
    () = transaction.set("{tx}a", 1, None, None, false).await?;
    () = transaction.incr_by("{tx}a", 5).await?;
    () = transaction.lpush("{tx}b", "x").await?;
    let (done, six, one): (String, u8, u8) = transaction.exec(true).await?;
    ensure!((done.as_str(), six, one) == ("OK", 6, 1));
    Ok(())
}

async fn scripts(to: &Client) -> Result<()> {
    let add = Script::from_lua("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    add.load(to).await?;
    ensure!(add.evalsha::<i64, _, _, _>(to, "{e}n", 5).await? == 5);
    ensure!(to.eval::<i64, _, _, _>("return 7", "{e}n", "x").await? == 7);
    Ok(())
}

async fn blocking(to: &Client) -> Result<()> {
    let own = connect(None).await?;
    let popped = own.blpop::<(String, String), _>(vec!["{b}empty", "{b}list"], 5.0);
    let pushed = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        to.rpush::<u8, _, _>("{b}list", "late").await
    };
    let (popped, pushed) = tokio::join!(popped, pushed);
    pushed?;
    ensure!(popped? == ("{b}list".to_owned(), "late".to_owned()));
    Ok(())
}

async fn subscriptions(to: &Client) -> Result<()> {
    let own = connect(None).await?;
    let mut messages = own.message_rx();
    () = own.subscribe("news").await?;
    // The client does not wait until it is subscribed.
    eventually(async || {
        let count: u8 = to.publish("news", "hello").await?;
        ensure!(count > 0 || is_over_cluster(), "nobody hears it");
        Ok(tokio::time::timeout(Duration::from_millis(200), messages.recv()).await??)
    })
    .await?;
    for n in 0..100 {
        // The client keeps few messages that nobody has taken yet.
        () = to.publish("news", n).await?;
        let message = messages.recv().await?;
        ensure!(message.value.as_u64() == Some(n), "{message:?} instead of {n}");
    }
    Ok(())
}

async fn databases(to: &Client) -> Result<()> {
    let second = connect(Some(1)).await?;
    () = second.set("d:key", "in 1", None, None, false).await?;
    ensure!(to.get::<Option<String>, _>("d:key").await?.is_none());
    ensure!(second.get::<String, _>("d:key").await? == "in 1");
    Ok(())
}

async fn reconnecting(to: &Client) -> Result<()> {
    () = to.set("r:before", "kept", None, None, false).await?;
    cut()?;
    let kept: String = eventually(async || to.get("r:before").await).await?;
    ensure!(kept == "kept");
    () = to.set("r:after", "x", None, None, false).await?;
    Ok(())
}
