//! What every job in Rust has: where the server is, its parts run in turn, and a line of JSON for
//! each of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// The longest that a part may take.
const PART_MAX: Duration = Duration::from_secs(30);

/// How long a client may take to find its way back.
const RETURN_MAX: Duration = Duration::from_secs(10);

/// A number that the runner put into the environment.
fn variable(name: &str) -> u16 {
    let text = std::env::var(name).expect("the runner sets it");
    text.parse().expect("the runner sets a port")
}

/// The port to connect to, at 127.0.0.1.
pub fn port() -> u16 {
    variable("REDPOLL_PORT")
}

/// Whether the job is to use its client's cluster mode.
pub fn is_cluster_client() -> bool {
    std::env::var("REDPOLL_MODE").is_ok_and(|mode| mode == "cluster-mode")
}

/// Whether a cluster is behind the port.
pub fn is_over_cluster() -> bool {
    std::env::var("REDPOLL_OVER").is_ok_and(|over| over == "cluster")
}

/// Has the runner end all connections: it restarts the proxy, or tells the server to.
///
/// # Errors
/// The runner could not.
pub fn cut() -> Result<()> {
    let mut control = TcpStream::connect(("127.0.0.1", variable("REDPOLL_CONTROL")))?;
    control.write_all(b"cut\n")?;
    let mut answer = [0; 3];
    control.read_exact(&mut answer)?;
    ensure!(answer == *b"ok\n", "the runner could not cut the connections");
    Ok(())
}

/// Runs one part and tells of it.
pub async fn part(name: &str, story: impl Future<Output = Result<()>>) {
    let ran = tokio::time::timeout(PART_MAX, story).await;
    let why = match ran {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{error:#}")),
        Err(_) => Some(format!("not done in {PART_MAX:?}")),
    };
    match why {
        None => println!("{{\"part\": \"{name}\", \"ok\": true}}"),
        Some(why) => {
            let why: String = why.chars().filter(|&c| c != '"' && c != '\\' && c >= ' ').collect();
            println!("{{\"part\": \"{name}\", \"ok\": false, \"why\": \"{why}\"}}");
        }
    }
}

/// Tries until `attempt` succeeds, and returns what it gives.
///
/// # Errors
/// It never does.
pub async fn eventually<T, E>(mut attempt: impl AsyncFnMut() -> Result<T, E>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    let began = Instant::now();
    loop {
        match attempt().await {
            Ok(found) => return Ok(found),
            Err(error) if began.elapsed() > RETURN_MAX => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
