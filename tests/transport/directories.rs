//! In which directories a socket is safe, and how another one is accepted by name.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use tempfile::tempdir;
use wirepath::transport::UnixListenOptions;

use crate::ownership::names;
use crate::{NOBODY, is_root, listen, unix};

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_refused_by_its_mode_and_accepted_by_name() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    for (mode, is_safe) in [
        (0o700, true),
        (0o755, true),
        (0o1777, true),
        (0o1770, true),
        (0o770, false),
        (0o777, false),
        (0o2775, false),
        (0o702, false),
    ] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        match listen(&path).await {
            Ok(_listener) => assert!(is_safe, "{mode:o}"),
            Err(error) => {
                assert!(!is_safe, "{mode:o}: {error}");
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
                let words = [
                    directory.path().display().to_string(),
                    format!("mode {mode:04o}, uid "),
                    "chmod go-w it, or choose another, or accept it by `accept_any_directory`".to_owned(),
                ];
                for words in words {
                    assert!(error.to_string().contains(&words), "{words}: {error}");
                }
                assert_eq!(names(directory.path()), [""; 0]);
            }
        }
        let options = UnixListenOptions::new().accept_any_directory();
        options.listen(&unix(&path)).await.expect("it was accepted");
    }
}

#[tokio::test]
async fn the_directory_of_another_user_is_refused_to_root_too() {
    if !is_root("a directory of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    chown(directory.path(), Some(NOBODY), None).unwrap();
    let path = directory.path().join("a.sock");
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("belongs to uid 65534, who may replace the socket"), "{error}");
    UnixListenOptions::new().accept_any_directory().listen(&unix(&path)).await.expect("it was accepted");
}

#[tokio::test]
async fn a_symlink_to_a_directory_is_refused_at_the_end_and_followed_before_it() {
    let directory = tempdir().unwrap();
    fs::create_dir_all(directory.path().join("real/deep")).unwrap();
    symlink("real", directory.path().join("link")).unwrap();
    let path = directory.path().join("link/a.sock");
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("link is a symlink"), "{error}");
    assert!(error.to_string().contains("name the real directory"), "{error}");
    UnixListenOptions::new().accept_any_directory().listen(&unix(&path)).await.expect("it was accepted");
    listen(directory.path().join("link/deep/a.sock")).await.expect("the last component is a directory");
}
