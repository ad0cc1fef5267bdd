//! **A listening Unix socket**: whom it accepts, and how it ends without dropping who already waits.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::UnixStream;

use super::buffer::set_send_buffer;
use super::identity;
use super::ownership::BoundPath;
use super::{Admission, abstract_endpoint, endpoint};
use crate::transport::{BoxFuture, Connected, Listener};

/// How connections are received.
#[derive(Clone, Debug, Default)]
pub(in crate::transport) struct Reception {
    pub(in crate::transport) admission: Option<Admission>,
    pub(in crate::transport) send_buffer: Option<usize>,
}

impl Reception {
    /// A connection that may come in; one that may not is closed.
    pub(in crate::transport) fn admit(&self, connected: Connected) -> Option<Connected> {
        let admitted = self.admission.as_ref().is_none_or(|admission| admission.admits(connected.peer()));
        admitted.then_some(connected)
    }

    /// Whether anything differs from the default.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    pub(in crate::transport) fn is_asked_for(&self) -> bool {
        self.admission.is_some() || self.send_buffer.is_some()
    }

    fn receive(&self, stream: UnixStream) -> Option<Connected> {
        if let Some(bytes) = self.send_buffer {
            // The kernel cuts what is too much; it costs no connection.
            let _ = set_send_buffer(&stream, bytes);
        }
        let peer = identity::peer_of(&stream);
        self.admit(Connected::new(stream, peer))
    }
}

/// A listening Unix socket, and the path it owns if it made one.
#[derive(Debug)]
pub(in crate::transport) struct UnixListener {
    /// Before `listener`, as fields drop in order: while the socket lives its inode number is not given to
    /// another file, so the comparison before the unlink cannot err.
    name: Name,
    listener: tokio::net::UnixListener,
    endpoint: String,
    reception: Reception,
}

/// What leads clients to a listener.
#[derive(Debug)]
enum Name {
    /// A path, which the listener gives up at its end.
    Path { _bound: BoundPath },
    /// A path that was given up: who waits in the queue came before.
    GivenUp,
    /// An abstract name, which goes with the socket.
    Abstract,
    /// Another's: its queue is served by whoever else holds the socket, now or later.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    Inherited,
}

impl UnixListener {
    pub(super) fn at_path(
        listener: tokio::net::UnixListener,
        bound: BoundPath,
        reception: Reception,
    ) -> Self {
        let endpoint = endpoint(&bound.site.given);
        UnixListener { name: Name::Path { _bound: bound }, listener, endpoint, reception }
    }

    pub(super) fn on_name(listener: tokio::net::UnixListener, name: &[u8], reception: Reception) -> Self {
        UnixListener { name: Name::Abstract, listener, endpoint: abstract_endpoint(name), reception }
    }

    /// Wraps a listener whose path is another's; `otherwise` names it if it has none.
    #[cfg(all(feature = "inherited", target_os = "linux"))]
    pub(in crate::transport) fn inherited(
        listener: tokio::net::UnixListener,
        otherwise: String,
        reception: Reception,
    ) -> Self {
        use crate::transport::UnixAddress;

        let endpoint = match listener.local_addr().map(|address| identity::address_of(&address)) {
            Ok(UnixAddress::Path(path)) => endpoint(&path),
            Ok(UnixAddress::Abstract(name)) => abstract_endpoint(&name),
            Ok(UnixAddress::Unnamed) | Err(_) => otherwise,
        };
        UnixListener { name: Name::Inherited, listener, endpoint, reception }
    }

    /// Takes one connection from the queue, asking the kernel and not the reactor, which may lag behind.
    fn accept_now(&self) -> io::Result<Option<UnixStream>> {
        match SockRef::from(&self.listener).accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(true)?;
                UnixStream::from_std(socket.into()).map(Some)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next in the queue who may come in.
    fn next_queued(&self) -> Option<io::Result<Connected>> {
        loop {
            match self.accept_now() {
                Ok(None) => return None,
                Ok(Some(stream)) => {
                    if let Some(connected) = self.reception.receive(stream) {
                        return Some(Ok(connected));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Listener for UnixListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            loop {
                let (stream, _) = self.listener.accept().await?;
                if let Some(connected) = self.reception.receive(stream) {
                    return Ok(connected);
                }
            }
        })
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        Box::pin(async {
            match self.name {
                #[cfg(all(feature = "inherited", target_os = "linux"))]
                Name::Inherited => return None,
                Name::Path { .. } => self.name = Name::GivenUp,
                Name::GivenUp | Name::Abstract => {}
            }
            if let Some(queued) = self.next_queued() {
                return Some(queued);
            }
            let straggler = tokio::time::timeout(STRAGGLERS, self.accept()).await;
            straggler.ok().or_else(|| self.next_queued())
        })
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }
}

/// Silence that ends the queue. A client in the midst of its connect may have found the file just before its path led
/// elsewhere, and knocks only when it gets a processor again; if nobody listens any more, it is refused. Longer than a
/// scheduler lets somebody wait who has used little, shorter than whoever stops a server notices.
const STRAGGLERS: Duration = Duration::from_millis(25);
