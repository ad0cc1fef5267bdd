//! **Byte streams**: what HTTP/2 runs over, and who is at the other end.
//!
//! A [`Connector`] opens streams, a [`Listener`] accepts them, a [`Connected`] is one stream with its
//! [`Peer`]. An [`Endpoint`] is the target a user writes (`unix:/run/a.sock`) and opens all transports built
//! in; another one is plugged in by implementing the two traits. Nothing above this floor knows which
//! transport it is on.
//!
//! `io::Error` stays itself here: its kind is the kernel's, so that callers decide by kind, and where a
//! socket is opened its payload is a [`SocketError`] that says in words what failed and the way out. An error
//! of [`Listener::accept`] is handed on unaltered.

mod duplex;
mod endpoint;
mod error;
mod peer;

#[cfg(not(all(feature = "unix", feature = "tcp", feature = "inherited")))]
mod absent;
#[cfg(all(feature = "inherited", target_os = "linux"))]
mod inherited;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "unix")]
mod unix;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::duplex::{DuplexConnector, DuplexListener, duplex};
pub use self::endpoint::Endpoint;
pub use self::error::{EndpointError, SocketError};
#[cfg(all(feature = "inherited", target_os = "linux"))]
pub use self::inherited::{NamedListener, activated_listeners};
pub use self::peer::{Credentials, Peer, UnixAddress};
#[cfg(all(feature = "peer-details", target_os = "linux"))]
pub use self::unix::PeerDetails;
#[cfg(feature = "unix")]
pub use self::unix::{Admission, UnixConnectOptions, UnixListenOptions};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream in both directions; every type that can be one is one.
///
/// Two halves (a child's stdout and stdin) become one with [`tokio::io::join`].
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Opens connections to one target, a new one at each call.
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// Opens one connection.
    ///
    /// # Errors
    /// An error whose kind tells the cause and whose text tells the way out.
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>>;

    /// The target as errors name it.
    fn endpoint(&self) -> String;

    /// Whether the target is a socket of this machine that tells at once whether anybody listens. Then an attempt in vain
    /// costs microseconds, and a channel whose calls wait for their server makes the next one after milliseconds. A connector
    /// that wraps another hands this on.
    fn is_local(&self) -> bool {
        false
    }
}

/// Accepts connections on one bound endpoint.
pub trait Listener: fmt::Debug + Send + 'static {
    /// Waits for the next connection; dropping the future loses none.
    ///
    /// # Errors
    /// The `io::Error` as it came (`EMFILE`, `ENOBUFS` ...): the listener itself stands, and the caller backs
    /// off.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>>;

    /// Ends the listener: no new client is let to it, and those that wait already are given out one by one, then `None`.
    ///
    /// A server that drains serves them, and tells them by GOAWAY, before it closes the listener. A listener whose queue
    /// outlives it (an inherited one) leaves them to the next server; one that knows no queue has none, as by default.
    /// One that wraps another hands this on. Dropping the future loses none.
    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        Box::pin(std::future::ready(None))
    }

    /// The bound endpoint, a TCP one with its real port.
    fn endpoint(&self) -> String;
}

impl<C: Connector + ?Sized> Connector for Box<C> {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        (**self).connect()
    }

    fn endpoint(&self) -> String {
        (**self).endpoint()
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }
}

impl<L: Listener + ?Sized> Listener for Box<L> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        (**self).accept()
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        (**self).accept_queued()
    }

    fn endpoint(&self) -> String {
        (**self).endpoint()
    }
}

/// One open byte stream and who is at its other end.
pub struct Connected {
    io: Box<dyn Io>,
    peer: Peer,
}

impl Connected {
    /// Joins a stream with its peer.
    pub fn new(io: impl Io, peer: Peer) -> Self {
        Connected { io: Box::new(io), peer }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The stream and its peer.
    pub fn into_parts(self) -> (Box<dyn Io>, Peer) {
        (self.io, self.peer)
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("peer", &self.peer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::task::{Context, Poll, Waker};

    use tokio::io::ReadBuf;

    use super::*;

    /// Takes as many slices as it is given, and all of their bytes.
    struct Vectored;

    impl AsyncRead for Vectored {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Vectored {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::Error::other("the slices were torn apart")))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn writes_vectored(io: impl Io) -> bool {
        let (mut io, _) = Connected::new(io, Peer::InMemory).into_parts();
        let slices = [IoSlice::new(b"HEADERS"), IoSlice::new(b"DATA")];
        let mut context = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut io).poll_write_vectored(&mut context, &slices);
        io.is_write_vectored() && matches!(written, Poll::Ready(Ok(11)))
    }

    #[test]
    fn a_boxed_stream_passes_vectored_writes_on() {
        assert!(writes_vectored(Vectored));
    }

    #[test]
    fn two_joined_halves_pass_vectored_writes_on() {
        assert!(writes_vectored(tokio::io::join(tokio::io::empty(), Vectored)));
    }
}
