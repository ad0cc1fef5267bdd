//! HTTP/2 by hand to a server of this process, on both transports: for what no client of ours would say.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::oneshot;
use wirepath::{
    Endpoint, Server,
    frame::{Frame, FrameHead, FrameReader, FrameType, PREFACE, Piece, flags},
    generated::wirepath::echo::v1::echo_server::EchoServer,
    transport::Listener,
};

use crate::echo::EchoService;

use super::bench::{Bench, Transport};

/// An echo server on a thread of its own; dropping it drains it.
pub(super) struct Served {
    path: PathBuf,
    port: u16,
    drain: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A connection on which every byte is ours.
pub(super) struct Talk {
    stream: Box<dyn ReadWrite>,
    reader: FrameReader,
}

pub(super) trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

impl Served {
    /// Listens on a fresh path and on a port that the kernel picks.
    pub(super) fn start(bench: &Bench<'_>) -> io::Result<Self> {
        let path = bench.fresh_path();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listeners = runtime.block_on(async {
            let tcp = Endpoint::Tcp(format!("{}:0", Ipv4Addr::LOCALHOST)).listen().await?;
            Ok::<_, io::Error>([Endpoint::Unix(path.clone()).listen().await?, tcp])
        })?;
        let port = listeners.iter().find_map(|listener| listener.endpoint().strip_prefix(TCP)?.parse().ok());
        let port = port.ok_or_else(|| io::Error::other("a TCP listener without a port"))?;
        let (drain, draining) = oneshot::channel();
        let thread = thread::spawn(move || {
            let server = Server::new().add(EchoServer::new(EchoService)).grace(PATIENCE);
            let serving = server.serve_with_shutdown(listeners, async {
                // Its sender is dropped to say so.
                let _ = draining.await;
            });
            // It fails only without a listener.
            let _ = runtime.block_on(serving);
        });
        Ok(Self { path, port, drain: Some(drain), thread: Some(thread) })
    }

    /// Begins to drain.
    pub(super) fn drain(&mut self) {
        self.drain = None;
    }

    /// Connects, and says the preface and SETTINGS.
    pub(super) fn talk(&self, transport: Transport) -> io::Result<Talk> {
        let stream: Box<dyn ReadWrite> = match transport {
            Transport::Tcp => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Transport::Unix => {
                let stream = UnixStream::connect(&self.path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        };
        let mut talk = Talk { stream, reader: FrameReader::of_server() };
        talk.stream.write_all(&PREFACE[..])?;
        talk.say(FrameType::Settings, 0, 0, &[])?;
        talk.hear(|frame| frame.head.kind == FrameType::Settings && !frame.head.is_ack())?;
        talk.say(FrameType::Settings, flags::ACK, 0, &[])?;
        Ok(talk)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.drain();
        if let Some(thread) = self.thread.take() {
            // What it panicked with, the hook has told.
            let _ = thread.join();
        }
    }
}

impl Talk {
    /// Sends one frame.
    pub(super) fn say(
        &mut self,
        kind: FrameType,
        flags: u8,
        stream_id: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let len = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let head = FrameHead { len, kind, flags, stream_id };
        self.stream.write_all(&[&head.encode()[..], payload].concat())
    }

    /// Reads on to the first frame that is wanted; the end of the stream is an error.
    pub(super) fn hear(&mut self, wanted: impl Fn(&Frame) -> bool) -> io::Result<Frame> {
        loop {
            while let Some(piece) = self.reader.next_piece().map_err(io::Error::other)? {
                if let Piece::Frame(frame) = piece
                    && wanted(&frame)
                {
                    return Ok(frame);
                }
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.reader.push(&bytes[..count]),
            }
        }
    }
}

const TCP: &str = "tcp:127.0.0.1:";

/// How long an answer may take before its experiment is given up.
const PATIENCE: Duration = Duration::from_secs(3);
