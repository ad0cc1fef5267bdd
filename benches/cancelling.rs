//! Cancelling all day: a million calls given up at random points on one connection, while others on it go on.
//!
//! ```text
//! cargo bench --bench cancelling
//! cargo bench --bench cancelling -- --count 20000
//! ```
//!
//! First by this library's client with 1, 10 and 100 in flight, then by raw bytes, then by a client that does nothing but
//! open and reset as fast as the socket takes it: that one is to be cut off. Exits with 1 if a bystander's call fails, a
//! benign client loses its connection, memory grows, or the hostile one is served for ever.

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use wirepath::{
    Channel, Endpoint, Request, Response, Router, Server,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    frame::{FrameHead, FrameType, PREFACE},
    server::Connections,
};

const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/cancelling.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let count = args.iter().skip_while(|arg| *arg != "--count").nth(1);
    match run(count.map_or(Ok(1_000_000), |count| count.parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cancelling: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(count: Result<u64, std::num::ParseIntError>) -> Result<(), Failure> {
    let count = count?;
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("cancelling.sock");
    let connections = serve(&socket)?;
    println!("{count} calls given up at random points, other calls on the same connection");
    for in_flight in [1, 10, 100] {
        let outcome = one_thread()?.block_on(by_our_client(&socket, count, in_flight))?;
        println!("  wirepath's client, {in_flight:>3} in flight   {outcome}");
    }
    for in_flight in [1, 10, 100] {
        let outcome = by_raw_bytes(&socket, count, in_flight)?;
        println!("  raw bytes, {in_flight:>3} in flight           {outcome}");
    }
    println!("  hostile, no answer waited for      {}", by_force(&socket, 20 * count.max(100_000))?);
    while !connections.snapshot().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A server on a thread of its own, until the program ends.
fn serve(socket: &Path) -> Result<Connections, Failure> {
    let connections = Connections::default();
    let (up, is_up) = std::sync::mpsc::channel();
    let endpoint = Endpoint::Unix(socket.into());
    let server = Server::new().connections(&connections);
    thread::spawn(move || -> Result<(), Failure> {
        one_thread()?.block_on(async {
            let mut router = Router::new();
            router.unary(&SAY, |request: Request<Bytes>| async {
                for _ in 0..request.message().first().copied().unwrap_or_default() {
                    tokio::task::yield_now().await;
                }
                Ok(Response::new(request.into_message()))
            });
            let listener = endpoint.listen().await?;
            up.send(())?;
            Ok(server.add(router).serve(listener).await?)
        })
    });
    is_up.recv()?;
    Ok(connections)
}

/// What a client's day came to.
struct Outcome {
    cancelled: u64,
    seconds: f64,
    grown: i64,
    /// How much more than at the start was in use at any time.
    peak: i64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cancelled, seconds, grown, peak } = self;
        let rate = *cancelled as f64 / seconds;
        write!(f, "{rate:>8.0} /s, {:+} KiB, {:+} KiB at its peak", grown / 1024, peak / 1024)
    }
}

async fn by_our_client(socket: &Path, count: u64, in_flight: u64) -> Result<Outcome, Failure> {
    let channel = Channel::new(Endpoint::Unix(socket.into()));
    let bystander = tokio::spawn(stand_by(channel.clone()));
    let (start, base) = (Instant::now(), begin_peak()?);
    // What allocators and tables keep for later shows in the first half, a leak in both.
    cancel(&channel, in_flight, count / 2).await?;
    settle(&channel).await?;
    let before = resident_bytes()?;
    cancel(&channel, in_flight, count / 2).await?;
    settle(&channel).await?;
    let outcome = Outcome {
        cancelled: count,
        seconds: start.elapsed().as_secs_f64(),
        grown: resident_bytes()? - before,
        peak: peak_bytes()? - base,
    };
    if bystander.is_finished() {
        return Err(bystander.await?.into());
    }
    bystander.abort();
    flat(outcome)
}

/// A client that cancels is faster than a server that reads: waits until what it has said is served.
async fn settle(channel: &Channel) -> Result<(), Failure> {
    invoke::unary(channel, &SAY, Bytes::from_static(b"\0the last").into()).await?;
    Ok(())
}

/// Calls until one fails.
async fn stand_by(channel: Channel) -> wirepath::Status {
    loop {
        if let Err(status) = invoke::unary(&channel, &SAY, Bytes::from_static(b"\0unharmed").into()).await {
            return status;
        }
    }
}

async fn cancel(channel: &Channel, in_flight: u64, count: u64) -> Result<(), Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (channel, next) = (channel.clone(), Arc::clone(&next));
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                let call = invoke::unary(&channel, &SAY, Bytes::from(vec![spread(number, 4)]).into());
                tokio::select! {
                    biased;
                    answered = call => drop(answered?),
                    () = turns(spread(number, 3)) => {}
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller?.map_err(|status: wirepath::Status| status)?;
    }
    Ok(())
}

async fn turns(count: u8) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// Knuth's multiplicative hash, so that a failure can be had again: 0 to 2^bits - 1.
fn spread(number: u64, bits: u32) -> u8 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as u8
}

/// Keeps so many calls open and resets the oldest; every hundredth call is a good one, whose answer is waited for.
fn by_raw_bytes(socket: &Path, count: u64, in_flight: u64) -> Result<Outcome, Failure> {
    let mut stream = open(socket)?;
    let mut reader = Reader::new(stream.try_clone()?);
    let warm = (count / 10).min(20_000);
    let (mut start, mut before) = (Instant::now(), resident_bytes()?);
    let base = begin_peak()?;
    let mut bytes = Vec::new();
    for number in 0..warm + count {
        if number == warm {
            (start, before) = (Instant::now(), resident_bytes()?);
        }
        let stream_id = id(number);
        // The oldest makes room. Good calls end by themselves.
        if let Some(oldest) = number.checked_sub(in_flight).filter(|oldest| oldest % 100 != 0) {
            bytes.extend(frame(FrameType::RstStream, 0, id(oldest), &8_u32.to_be_bytes()));
        }
        bytes.extend(headers(stream_id));
        if number % 100 == 0 {
            bytes.extend(frame(FrameType::Data, 1, stream_id, b"\0\0\0\0\x02\0!"));
            stream.write_all(&bytes)?;
            bytes.clear();
            reader.until_answer(stream_id)?;
            continue;
        }
        // With the message before the reset, with a part of it, or without.
        match spread(number, 2) {
            0 => bytes.extend(frame(FrameType::Data, 1, stream_id, b"\0\0\0\0\x02\x05!")),
            1 => bytes.extend(frame(FrameType::Data, 0, stream_id, b"\0\0")),
            _ => {}
        }
        if bytes.len() > 1_000 || in_flight == 1 {
            stream.write_all(&bytes)?;
            bytes.clear();
        }
    }
    flat(Outcome {
        cancelled: count,
        seconds: start.elapsed().as_secs_f64(),
        grown: resident_bytes()? - before,
        peak: peak_bytes()? - base,
    })
}

/// Opens and resets, and reads only to see why it is cut off.
fn by_force(socket: &Path, limit: u64) -> Result<String, Failure> {
    let mut stream = open(socket)?;
    let mut reader = Reader::new(stream.try_clone()?);
    let reading = thread::spawn(move || reader.until_goaway());
    let start = Instant::now();
    let mut sent = 0;
    while sent < limit {
        let round: Vec<u8> = (sent..sent + 100)
            .flat_map(|number| {
                [headers(id(number)), frame(FrameType::RstStream, 0, id(number), &8_u32.to_be_bytes())]
                    .concat()
            })
            .collect();
        if stream.write_all(&round).is_err() {
            break;
        }
        sent += 100;
    }
    let seconds = start.elapsed().as_secs_f64();
    if sent >= limit {
        return Err(format!("{limit} resets at {:.0} /s were not cut off", sent as f64 / seconds).into());
    }
    let debug = reading.join().map_err(|_| "the reader panicked")??;
    Ok(format!("{:>8.0} /s, cut off after {sent} by {debug}", sent as f64 / seconds))
}

fn open(socket: &Path) -> Result<UnixStream, Failure> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let settings = frame(FrameType::Settings, 0, 0, &[]);
    let ack = frame(FrameType::Settings, 1, 0, &[]);
    // Room for all answers: nobody gives window back here.
    let window = frame(FrameType::WindowUpdate, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    stream.write_all(&[&PREFACE[..], &settings, &ack, &window].concat())?;
    Ok(stream)
}

fn id(number: u64) -> u32 {
    u32::try_from(2 * number + 1).expect("few enough streams for one connection")
}

fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a small frame");
    [&FrameHead { len, kind, flags, stream_id }.encode()[..], payload].concat()
}

fn headers(stream_id: u32) -> Vec<u8> {
    let mut block = b"\x83\x86\x04\x14/cancelling.Echo/Say".to_vec();
    block.extend(b"\x00\x02te\x08trailers\x0f\x10\x10application/grpc");
    frame(FrameType::Headers, 0x4, stream_id, &block)
}

/// Reads frames by their heads.
struct Reader {
    stream: std::io::BufReader<UnixStream>,
}

impl Reader {
    fn new(stream: UnixStream) -> Self {
        Self { stream: std::io::BufReader::with_capacity(1 << 16, stream) }
    }

    fn next(&mut self) -> Result<(FrameHead, Vec<u8>), Failure> {
        let mut head = [0; FrameHead::LEN];
        self.stream.read_exact(&mut head)?;
        let head = FrameHead::parse(&head);
        let mut payload = vec![0; head.len as usize];
        self.stream.read_exact(&mut payload)?;
        if head.kind == FrameType::Goaway && payload[4..8] == [0; 4] {
            return Err("the server drains".into());
        }
        Ok((head, payload))
    }

    fn until_answer(&mut self, stream_id: u32) -> Result<(), Failure> {
        loop {
            let (head, payload) = self.next()?;
            if head.kind == FrameType::Goaway {
                return Err(format!("cut off: {}", payload[8..].escape_ascii()).into());
            }
            if head.stream_id == stream_id && head.kind == FrameType::RstStream {
                return Err(format!("a good call was reset: {payload:?}").into());
            }
            if head.stream_id == stream_id && head.is_end_stream() {
                return Ok(());
            }
        }
    }

    fn until_goaway(&mut self) -> Result<String, Failure> {
        loop {
            let (head, payload) = self.next()?;
            if head.kind == FrameType::Goaway {
                return Ok(payload[8..].escape_ascii().to_string());
            }
        }
    }
}

/// Memory that grew by more than what varies is a leak.
fn flat(outcome: Outcome) -> Result<Outcome, Failure> {
    if outcome.grown > 64 << 20 {
        return Err(format!("{} bytes more are in use", outcome.grown).into());
    }
    Ok(outcome)
}

fn resident_bytes() -> Result<i64, Failure> {
    let statm = fs::read_to_string(PathBuf::from("/proc/self/statm"))?;
    let pages: i64 = statm.split(' ').nth(1).ok_or("no second number")?.parse()?;
    Ok(pages * 4096)
}

/// Has [`peak_bytes`] begin anew; gives what is in use now.
fn begin_peak() -> Result<i64, Failure> {
    fs::write("/proc/self/clear_refs", "5")?;
    resident_bytes()
}

fn peak_bytes() -> Result<i64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
