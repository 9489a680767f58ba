//! Where behaviours are tried: two sites, and what a behaviour can do there. In the simulation a
//! stream can be used, and dropped, at its own host only; so all that is done is a job for a site.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use redpoll::net::{Net, TokioNet};
use redpoll_sim::net::{Grain, Medium, Network, SimNet};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

/// A behaviour that is not shown after so long does not hold.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What everything that is under way takes to arrive.
const MOMENT: Duration = Duration::from_millis(50);

/// How much one write is given where a writer is to be stopped, in bytes.
const CHUNK: usize = 64 * 1024;

/// Seeds that are tried in the simulation, each on a smooth and on a rough network.
const SEEDS: u64 = 4;

const ROUGH: Grain =
    Grain { short_reads: 0.5, short_writes: 0.5, full_buffers: 0.2, late_tasks: 0.2 };

type Job = Pin<Box<dyn Future<Output = ()>>>;

/// A network that behaviours can be tried on.
pub(crate) trait Bed: Net {
    /// Listens where no more than about so many connections can wait to be accepted.
    fn bind_narrow(&self, address: SocketAddr, backlog: u32) -> io::Result<Self::Listener>;
}

/// A host, and who does what is to be done there.
pub(crate) struct Site<B> {
    /// Its network.
    pub(crate) net: B,
    /// Its address.
    pub(crate) ip: IpAddr,
    /// A name of it.
    pub(crate) name: &'static str,
    jobs: mpsc::UnboundedSender<Job>,
}

/// Two sites: near connects, far listens.
pub(crate) struct Lab<B> {
    pub(crate) near: Site<B>,
    pub(crate) far: Site<B>,
}

/// A job's result, some time.
pub(crate) struct Running<T>(oneshot::Receiver<T>);

/// One end of a stream, at its site.
pub(crate) struct End<B: Bed> {
    site: Site<B>,
    stream: Shared<B::Stream>,
}

/// A listener, at its site.
pub(crate) struct Door<B: Bed> {
    site: Site<B>,
    listener: Shared<Rc<B::Listener>>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

type Shared<T> = Rc<RefCell<Option<T>>>;

impl Bed for TokioNet {
    fn bind_narrow(&self, address: SocketAddr, backlog: u32) -> io::Result<Self::Listener> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(address)?;
        socket.listen(backlog)
    }
}

impl Bed for SimNet {
    fn bind_narrow(&self, address: SocketAddr, backlog: u32) -> io::Result<Self::Listener> {
        let mut bound = Box::pin(self.bind(address));
        let mut context = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(listener) = bound.as_mut().poll(&mut context) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let listener = listener?;
        listener.set_backlog(backlog as usize);
        Ok(listener)
    }
}

/// Tries a behaviour on the sockets of the operating system.
pub(crate) fn on_sockets<F: Future<Output = ()>>(body: impl FnOnce(Lab<TokioNet>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let trial = async {
        let site = |name| {
            let (jobs, inbox) = mpsc::unbounded_channel();
            TokioNet.spawn(work(TokioNet, inbox));
            Site { net: TokioNet, ip: Ipv4Addr::LOCALHOST.into(), name, jobs }
        };
        let lab = Lab { near: site("localhost"), far: site("localhost") };
        timeout(PATIENCE, body(lab)).await.expect("it takes too long");
    };
    LocalSet::new().block_on(&runtime, trial);
}

/// Tries a behaviour in the simulation, on both media.
pub(crate) fn simulated<F>(body: impl Fn(Lab<SimNet>) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let media = [Medium::Turmoil, Medium::Memory];
    for (seed, medium) in (0..SEEDS).flat_map(|seed| media.map(|medium| (seed, medium))) {
        for grain in [Grain::default(), ROUGH] {
            let mut network = Network::for_story(medium, seed, grain);
            let near = add_site(&mut network, "near");
            let far = add_site(&mut network, "far");
            let done = Rc::new(Cell::new(false));
            let (is_done, trial) = (Rc::clone(&done), body(Lab { near: near.clone(), far }));
            let job = Box::pin(async move {
                trial.await;
                done.set(true);
            });
            near.jobs.send(job).unwrap();
            let outcome = network.run_until(PATIENCE, || is_done.get());
            outcome.unwrap_or_else(|error| panic!("{medium:?}, seed {seed}, {grain:?}: {error}"));
        }
    }
}

fn add_site(network: &mut Network, name: &'static str) -> Site<SimNet> {
    let (jobs, inbox) = mpsc::unbounded_channel();
    let inbox = Cell::new(Some(inbox));
    let (_, net) = network.add_host(name, move |net| {
        let inbox = inbox.take().expect("a site starts once");
        async move {
            work(net, inbox).await;
            Ok(())
        }
    });
    Site { ip: net.ip(), net, name, jobs }
}

async fn work(net: impl Net, mut inbox: mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = inbox.recv().await {
        net.spawn(job);
    }
}

/// Lets everything arrive that is under way. What must not happen may still happen later; what
/// must happen is waited for, however long it takes.
pub(crate) async fn a_moment() {
    sleep(MOMENT).await;
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_le_bytes).take(len).collect()
}

impl<B: Clone> Clone for Site<B> {
    fn clone(&self) -> Self {
        let Site { net, ip, name, jobs } = self;
        Site { net: net.clone(), ip: *ip, name, jobs: jobs.clone() }
    }
}

impl<B: Bed> Site<B> {
    /// Begins something here.
    pub(crate) fn begin<T: 'static, F>(&self, job: impl FnOnce(B) -> F) -> Running<T>
    where
        F: Future<Output = T> + 'static,
    {
        let (answer, running) = oneshot::channel();
        let job = job(self.net.clone());
        let job = Box::pin(async move { drop(answer.send(job.await)) });
        // Who ends with the run does nothing more.
        drop(self.jobs.send(job));
        Running(running)
    }

    fn hold(&self, stream: B::Stream) -> End<B> {
        End { site: self.clone(), stream: Rc::new(RefCell::new(Some(stream))) }
    }

    /// Connects from here.
    pub(crate) fn connect(&self, address: SocketAddr) -> Running<io::Result<End<B>>> {
        let site = self.clone();
        self.begin(move |net| async move { Ok(site.hold(net.connect(address).await?)) })
    }

    /// Begins to connect from here, and gives that up at once unless it is done.
    pub(crate) fn connect_in_vain(&self, address: SocketAddr) -> Running<()> {
        self.begin(move |net| async move { drop(once(net.connect(address)).await) })
    }

    /// Listens here.
    pub(crate) async fn listen(&self) -> Door<B> {
        self.listen_at(SocketAddr::new(self.ip, 0)).await.unwrap()
    }

    /// Listens at that address.
    pub(crate) async fn listen_at(&self, address: SocketAddr) -> io::Result<Door<B>> {
        let site = self.clone();
        self.begin(move |net| async move { site.door(net.bind(address).await?) }).await
    }

    /// Listens where few can wait.
    pub(crate) async fn listen_narrowly(&self) -> Door<B> {
        let site = self.clone();
        let address = SocketAddr::new(self.ip, 0);
        let door = self.begin(move |net| async move { site.door(net.bind_narrow(address, 1)?) });
        door.await.unwrap()
    }

    fn door(&self, listener: B::Listener) -> io::Result<Door<B>> {
        let address = self.net.local_addr(&listener)?;
        let listener = Rc::new(RefCell::new(Some(Rc::new(listener))));
        Ok(Door { site: self.clone(), listener, address })
    }
}

impl<B: Bed> Lab<B> {
    /// A stream from near to far.
    pub(crate) async fn pair(&self) -> (End<B>, End<B>) {
        self.pair_at(&self.far.listen().await).await
    }

    /// One more.
    pub(crate) async fn pair_at(&self, door: &Door<B>) -> (End<B>, End<B>) {
        let near = self.near.connect(door.address);
        let (far, _) = door.accept().await.unwrap();
        (near.await.unwrap(), far)
    }
}

impl<B: Bed> Door<B> {
    /// Accepts the next connection.
    pub(crate) fn accept(&self) -> Running<io::Result<(End<B>, SocketAddr)>> {
        let (site, listener) = (self.site.clone(), self.listener.borrow().clone().unwrap());
        self.site.begin(move |net| async move {
            let (accepted, peer) = net.accept(&listener).await?;
            Ok((site.hold(net.adopt(accepted)?), peer))
        })
    }

    /// Begins to accept, and gives that up at once; whether nobody was there.
    pub(crate) fn accept_in_vain(&self) -> Running<bool> {
        let listener = self.listener.borrow().clone().unwrap();
        let try_it = move |net: B| async move { once(net.accept(&listener)).await.is_none() };
        self.site.begin(try_it)
    }

    /// Listens no more.
    pub(crate) async fn close(&self) {
        let listener = Rc::clone(&self.listener);
        self.site.begin(move |_| async move { drop(listener.take()) }).await;
    }
}

impl<B: Bed> Drop for Door<B> {
    fn drop(&mut self) {
        let listener = Rc::clone(&self.listener);
        drop(self.site.begin(move |_| async move { drop(listener.take()) }));
    }
}

impl<B: Bed> End<B> {
    /// One read of at most so many bytes.
    pub(crate) fn read(&self, most: usize) -> Running<io::Result<Vec<u8>>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move { read(&stream, most).await })
    }

    /// One read, given up at once if there is nothing.
    pub(crate) fn read_in_vain(&self) -> Running<Option<io::Result<Vec<u8>>>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move { once(read(&stream, 1)).await })
    }

    /// Reads so many bytes, or fewer if the end comes first.
    pub(crate) fn read_up_to(&self, len: usize) -> Running<io::Result<Vec<u8>>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move {
            let mut all = Vec::new();
            while all.len() < len {
                let more = read(&stream, (len - all.len()).min(CHUNK)).await?;
                if more.is_empty() {
                    break;
                }
                all.extend_from_slice(&more);
            }
            Ok(all)
        })
    }

    /// Reads all there is until the end.
    pub(crate) fn read_to_end(&self) -> Running<io::Result<Vec<u8>>> {
        self.read_up_to(usize::MAX)
    }

    /// One write.
    pub(crate) fn write(&self, bytes: impl Into<Vec<u8>>) -> Running<io::Result<usize>> {
        self.write_vectored(vec![bytes.into()])
    }

    /// One write of several slices.
    pub(crate) fn write_vectored(&self, slices: Vec<Vec<u8>>) -> Running<io::Result<usize>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move { write(&stream, &slices).await })
    }

    /// Writes all of it.
    pub(crate) fn write_all(&self, bytes: impl Into<Vec<u8>>) -> Running<io::Result<()>> {
        let (stream, mut bytes) = (Rc::clone(&self.stream), bytes.into());
        self.site.begin(move |_| async move {
            while !bytes.is_empty() {
                let len = write(&stream, std::slice::from_ref(&bytes)).await?;
                bytes.drain(..len);
            }
            Ok(())
        })
    }

    /// Writes a pattern until no more is taken for a moment; how many bytes were.
    pub(crate) fn write_until_stopped(&self) -> Running<usize> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move {
            let chunk = [pattern(CHUNK)];
            let (mut taken, mut first) = (0, chunk[0].clone());
            // Each write goes on in the pattern where the last one ended.
            while let Ok(len) = timeout(MOMENT, write(&stream, &[first])).await {
                taken += len.unwrap();
                first = chunk[0][taken % CHUNK..].to_vec();
            }
            taken
        })
    }

    /// Ends the writing side.
    pub(crate) fn shutdown(&self) -> Running<io::Result<()>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| {
            poll_fn(move |context| on(&stream, |stream| stream.poll_shutdown(context)))
        })
    }

    /// Flushes.
    pub(crate) fn flush(&self) -> Running<io::Result<()>> {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| {
            poll_fn(move |context| on(&stream, |stream| stream.poll_flush(context)))
        })
    }

    /// Drops it.
    pub(crate) async fn close(self) {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |_| async move { drop(stream.take()) }).await;
    }

    /// Does something with it at its site, which is then done with it.
    pub(crate) fn hand_over<T: 'static, F>(
        &self,
        job: impl FnOnce(B, B::Stream) -> F + 'static,
    ) -> Running<T>
    where
        F: Future<Output = T> + 'static,
    {
        let stream = Rc::clone(&self.stream);
        self.site.begin(move |net| async move {
            let taken = stream.take().unwrap();
            job(net, taken).await
        })
    }
}

impl<B: Bed> Drop for End<B> {
    fn drop(&mut self) {
        let stream = Rc::clone(&self.stream);
        drop(self.site.begin(move |_| async move { drop(stream.take()) }));
    }
}

impl<T> Future for Running<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.expect("the job panicked"))
    }
}

/// What a future gives at once, or nothing; it is dropped then.
async fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn on<S: Unpin, T>(stream: &Shared<S>, poll: impl FnOnce(Pin<&mut S>) -> T) -> T {
    poll(Pin::new(stream.borrow_mut().as_mut().expect("it is open")))
}

async fn read<S: AsyncRead + Unpin>(stream: &Shared<S>, most: usize) -> io::Result<Vec<u8>> {
    let mut room = vec![0; most];
    let mut buffer = ReadBuf::new(&mut room);
    poll_fn(|context| on(stream, |stream| stream.poll_read(context, &mut buffer))).await?;
    Ok(buffer.filled().to_vec())
}

async fn write<S: AsyncWrite + Unpin>(stream: &Shared<S>, all: &[Vec<u8>]) -> io::Result<usize> {
    let slices: Vec<_> = all.iter().map(|bytes| IoSlice::new(bytes)).collect();
    poll_fn(|context| {
        on(stream, |stream| match &slices[..] {
            [only] => stream.poll_write(context, only),
            _ => stream.poll_write_vectored(context, &slices),
        })
    })
    .await
}
