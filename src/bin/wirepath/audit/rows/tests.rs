//! Every experiment, tried on the kernel that runs the tests, with plain sockets in place of gRPC calls.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use super::*;

#[test]
fn every_row_is_proved_on_this_kernel() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let calls = EchoOverSockets::start(dir.path())?;
    let bench = Bench::new(dir.path(), hold).with_calls(&calls).with_fields(fields());
    for experiment in EXPERIMENTS {
        let start = std::time::Instant::now();
        let row = experiment.row(&bench);
        println!("{:2} {:18} {:?}", row.row, row.name, start.elapsed());
        println!(
            "   tcp   {}\n   unix  {}\n   tried {}\n   {}",
            row.tcp, row.unix, row.experiment, row.verdict
        );
        let timed = ["connect", "round-trip", "throughput", "cpu", "segments"].contains(&row.name);
        assert!(
            row.verdict == Verdict::Proved || (timed && matches!(row.verdict, Verdict::NotHere(_))),
            "{}: {}",
            row.name,
            row.verdict
        );
    }
    Ok(())
}

/// The second process of the experiments: these tests again, told to run this one alone.
#[test]
#[ignore = "a process that the test on killed peers starts"]
fn second_process() -> io::Result<()> {
    hold_stdin()
}

fn hold() -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "audit::rows::tests::second_process", "--ignored", "--nocapture"]);
    Ok(command)
}

fn fields() -> RequestFields {
    let with = |authority: &str| {
        [(":method", "POST"), (":authority", authority), ("te", "trailers")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    };
    RequestFields { tcp: with("127.0.0.1:4711"), unix: with("localhost") }
}

/// Echo servers over plain sockets, on threads of this process, and one open connection to each.
struct EchoOverSockets {
    path: PathBuf,
    tcp: Mutex<TcpStream>,
    unix: Mutex<UnixStream>,
}

impl EchoOverSockets {
    fn start(dir: &Path) -> io::Result<Self> {
        let path = dir.join("echo.sock");
        let unix = UnixListener::bind(&path)?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let port = tcp.local_addr()?;
        thread::spawn(move || tcp.accept().and_then(|(stream, _)| echo(stream)));
        thread::spawn(move || {
            unix.accept().and_then(|(stream, _)| {
                let _keep = &unix;
                echo(stream)
            })
        });
        let stream = TcpStream::connect(port)?;
        stream.set_nodelay(true)?;
        Ok(Self { unix: UnixStream::connect(&path)?.into(), path, tcp: stream.into() })
    }
}

impl Calls for EchoOverSockets {
    fn unary(&self, transport: Transport, load: Load) -> io::Result<()> {
        let run = |stream: &mut dyn ReadWrite| {
            let mut message = vec![0; load.message_len];
            (0..load.calls).try_for_each(|_| {
                stream.write_all(&message)?;
                stream.read_exact(&mut message)
            })
        };
        match transport {
            Transport::Tcp => run(&mut *self.tcp.lock().expect("no test panicked")),
            Transport::Unix => run(&mut *self.unix.lock().expect("no test panicked")),
        }
    }

    fn server_pid(&self) -> u32 {
        std::process::id()
    }

    fn server_path(&self) -> &Path {
        &self.path
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn echo(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}
