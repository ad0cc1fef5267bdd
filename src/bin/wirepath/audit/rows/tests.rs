//! Every experiment, tried on the kernel that runs the tests, with plain sockets in place of gRPC calls.

use std::{
    fs::Permissions,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
};

use super::*;

/// What the cells of a row must hold on Linux: (name, TCP, Unix socket).
const CLAIMS: &[(&str, &str, &str)] = &[
    ("resolution", "localhost: ", "0 reads"),
    ("address", "16 B", "path of 107 B: ok"),
    ("connect", "3 packets", "0 packets"),
    ("backlog", "EINPROGRESS", "EAGAIN"),
    (
        "stale-file",
        "connect ECONNREFUSED, bind ok",
        "connect ECONNREFUSED, bind EADDRINUSE; removed: ENOENT, ok",
    ),
    ("permissions", "connects", "0600 from bind on"),
    ("mode", "none", "0600, "),
    (
        "ownership",
        "EADDRINUSE",
        "a second server: EADDRINUSE; a stale file: ok; another's file: EADDRINUSE, kept",
    ),
    ("squatting", "nobody can tell", "refuses before it speaks"),
    ("authority", "127.0.0.1:4711 (14 B)", "localhost (9 B); 2 other fields are equal"),
    ("authorities", "the same 5 of 5", "5 of 5 are answered: localhost, a path, %2F, empty, none"),
    ("identity", "pid 0, uid -1", "the server's"),
    ("fork", "pid 0, before and after", "which connected; pid "),
    ("pidfd", "none", "a descriptor of pid "),
    ("descriptors", "0 arrived", "250 sent"),
    ("options", "NODELAY ok", "NODELAY EOPNOTSUPP"),
    ("buffers", "SO_RCVBUF 4 KiB", "SO_RCVBUF 4 KiB"),
    ("capacity", "1 B: over 65,536", "1 B: "),
    ("writability", "%", "%"),
    ("merging", "joined: 9 of 10 writes held back, then all 10", "not joined: 10 of 10 readable at once"),
    ("segments", "packets on lo", "packets on lo"),
    ("visibility", "5 B unread", "server end: its path; client end: no name"),
    (
        "half-close",
        "POLLRDHUP, end of data; 4 B come back",
        "the same: POLLRDHUP, end of data; 4 B come back",
    ),
    ("unread-close", "read 4 B, read ECONNRESET, write EPIPE", "read 4 B, read ECONNRESET, write EPIPE"),
    ("write-after-close", "first ok, second EPIPE", "first EPIPE"),
    ("killed-peer", "killed: end of data", "killed: end of data"),
    ("keepalive", "too_many_pings", "the same: "),
    ("drain", "GOAWAY for all, PING, GOAWAY after 0", "the same: GOAWAY for all, PING, GOAWAY after 0"),
    ("time-wait", "in TIME_WAIT, for ", "0 of 10"),
    ("rebind", "EADDRINUSE", "removed: ok"),
    ("round-trip", "us a call", "us a call"),
    ("throughput", "MB/s", "MB/s"),
    ("cpu", "switches", "switches"),
];

/// Rows whose figure may drown in the noise of the machine.
const NOISY: &[&str] = &["connect", "segments", "round-trip", "throughput", "cpu"];

#[test]
fn every_row_is_proved_on_this_kernel() -> io::Result<()> {
    let dir = private_dir()?;
    let calls = EchoOverSockets::start(dir.path())?;
    let bench = Bench::new(dir.path(), hold).with_calls(&calls).with_fields(fields());
    for (experiment, (name, tcp, unix)) in EXPERIMENTS.iter().zip(CLAIMS) {
        let row = experiment.row(&bench);
        println!(
            "{} {}: {}\n  {}\n  {}\n  {}",
            row.row, row.name, row.verdict, row.tcp, row.unix, row.experiment
        );
        let too_noisy = NOISY.contains(name) && row.verdict.to_string().starts_with("not here: too noisy");
        assert!(row.verdict == Verdict::Proved || too_noisy, "{name}: {}", row.verdict);
        assert_eq!(row.name, *name);
        assert!(row.tcp.contains(tcp), "{name}: {tcp:?} is not in {:?}", row.tcp);
        assert!(row.unix.contains(unix), "{name}: {unix:?} is not in {:?}", row.unix);
    }
    Ok(())
}

#[test]
fn rows_are_numbered_from_1_and_named_once() {
    assert_eq!(EXPERIMENTS.len(), 33);
    assert_eq!(EXPERIMENTS.len(), CLAIMS.len());
    for (place, experiment) in EXPERIMENTS.iter().enumerate() {
        assert_eq!(usize::from(experiment.number()), place + 1, "{}", experiment.name);
    }
}

#[test]
fn a_row_that_cannot_be_tried_says_why() -> io::Result<()> {
    let dir = private_dir()?;
    let bench = Bench::new(dir.path(), hold);
    for (name, why) in [("throughput", "no server to call"), ("authority", "no call was captured")] {
        let experiment = EXPERIMENTS.iter().find(|experiment| experiment.name == name).expect("a row");
        let row = experiment.row(&bench);
        assert!(
            matches!(&row.verdict, Verdict::NotHere(detail) if detail.starts_with(why)),
            "{}",
            row.verdict
        );
        assert_eq!((row.tcp.as_str(), row.unix.as_str()), (experiment.tcp, experiment.unix));
    }
    Ok(())
}

#[test]
fn a_call_that_differs_in_more_than_its_authority_is_told() -> io::Result<()> {
    let dir = private_dir()?;
    let mut fields = fields();
    fields.unix.pop();
    let bench = Bench::new(dir.path(), hold).with_fields(fields);
    assert!(matches!(names::authority(&bench)?.verdict, Verdict::Differs(_)));
    Ok(())
}

#[test]
fn the_bench_leaves_nothing_but_socket_files_in_its_own_directory() -> io::Result<()> {
    let dir = private_dir()?;
    let bench = Bench::new(dir.path(), hold);
    files::stale(&bench)?;
    files::permissions(&bench)?;
    let mode = std::fs::metadata(dir.path())?.permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for entry in std::fs::read_dir(dir.path())? {
        assert!(entry?.file_type()?.is_socket());
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

fn private_dir() -> io::Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700))?;
    Ok(dir)
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
            for stream in unix.incoming().flatten() {
                thread::spawn(move || echo(stream));
            }
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
