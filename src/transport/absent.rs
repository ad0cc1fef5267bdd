//! **Transports that are not compiled in**: each answers with the name of the feature that brings it.
//!
//! Endpoints parse alike in every build, so a program learns what it lacks where it opens a socket, in words.

#[cfg(not(feature = "unix"))]
pub(super) mod unix {
    use std::io;
    use std::path::{Path, PathBuf};

    use super::super::{Connected, Endpoint, Listener};

    pub(in super::super) async fn connect(path: &Path) -> io::Result<Connected> {
        Err(super::cannot_connect(&Endpoint::Unix(PathBuf::from(path)), "unix"))
    }

    pub(in super::super) async fn listen(path: &Path) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&Endpoint::Unix(PathBuf::from(path)), "unix"))
    }

    pub(in super::super) async fn connect_abstract(name: &[u8]) -> io::Result<Connected> {
        Err(super::cannot_connect(&Endpoint::UnixAbstract(name.to_vec()), "unix"))
    }

    pub(in super::super) async fn listen_abstract(name: &[u8]) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&Endpoint::UnixAbstract(name.to_vec()), "unix"))
    }
}

#[cfg(not(feature = "tcp"))]
pub(super) mod tcp {
    use std::io;

    use super::super::{Connected, Endpoint, Listener};

    pub(in super::super) async fn connect(address: &str) -> io::Result<Connected> {
        Err(super::cannot_connect(&Endpoint::Tcp(address.to_owned()), "tcp"))
    }

    pub(in super::super) async fn listen(address: &str) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&Endpoint::Tcp(address.to_owned()), "tcp"))
    }
}

#[cfg(not(all(feature = "inherited", target_os = "linux")))]
pub(super) mod inherited {
    use std::io;

    #[cfg(feature = "unix")]
    use super::super::unix::Reception;
    use super::super::{Connected, Endpoint, Listener};

    pub(in super::super) async fn connect(fd: i32) -> io::Result<Connected> {
        Err(super::cannot_connect(&Endpoint::Fd(fd), "inherited"))
    }

    pub(in super::super) async fn listen(fd: i32) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&Endpoint::Fd(fd), "inherited"))
    }

    pub(in super::super) fn connect_activated(name: Option<&str>) -> io::Result<Connected> {
        Err(super::cannot_connect(&activated(name), "inherited"))
    }

    pub(in super::super) async fn listen_activated(name: Option<&str>) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&activated(name), "inherited"))
    }

    #[cfg(feature = "unix")]
    pub(in super::super) fn listen_as(
        endpoint: &Endpoint,
        _: i32,
        _: Reception,
    ) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(endpoint, "inherited"))
    }

    #[cfg(feature = "unix")]
    pub(in super::super) fn listen_activated_as(
        name: Option<&str>,
        _: Reception,
    ) -> io::Result<Box<dyn Listener>> {
        Err(super::cannot_listen(&activated(name), "inherited"))
    }

    fn activated(name: Option<&str>) -> Endpoint {
        Endpoint::Activated(name.map(str::to_owned))
    }
}

use std::io;

use super::Endpoint;
use super::error::Explanation;

fn cannot_connect(endpoint: &Endpoint, feature: &str) -> io::Error {
    explanation(feature).of_connect(endpoint.to_string(), io::ErrorKind::Unsupported.into())
}

fn cannot_listen(endpoint: &Endpoint, feature: &str) -> io::Error {
    explanation(feature).of_listen(endpoint.to_string(), io::ErrorKind::Unsupported.into())
}

fn explanation(feature: &str) -> Explanation {
    Explanation::new("this build lacks the transport", format!("build wirepath with its feature `{feature}`"))
}

#[cfg(test)]
mod tests {
    use super::super::Connector;
    use super::*;

    #[tokio::test]
    async fn an_endpoint_of_an_absent_transport_names_its_feature() {
        let table = [
            ("unix:/run/a.sock", "unix", cfg!(feature = "unix")),
            ("unix-abstract:a", "unix", cfg!(feature = "unix")),
            ("tcp:localhost:50051", "tcp", cfg!(feature = "tcp")),
            ("fd:3", "inherited", cfg!(feature = "inherited")),
            ("activated:", "inherited", cfg!(feature = "inherited")),
        ];
        for (text, feature, _) in table.into_iter().filter(|(.., built_in)| !built_in) {
            let endpoint: Endpoint = text.parse().unwrap();
            for error in [endpoint.connect().await.unwrap_err(), endpoint.listen().await.unwrap_err()] {
                assert_eq!(error.kind(), io::ErrorKind::Unsupported);
                assert!(error.to_string().contains(text), "{error}");
                assert!(error.to_string().contains(&format!("feature `{feature}`")), "{error}");
            }
        }
    }
}
