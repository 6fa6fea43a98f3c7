//! Passwords, encryption, servers that are not there, and flags that do not go together.

use std::os::unix::fs::PermissionsExt;

use quern_server::postgres::Authentication;
use quern_server::tls::Tls;

use super::super::postgres::{certificate, serve, serve_with};
use super::super::support::{Run, command, temporary};
use super::{on, remote};

#[tokio::test(flavor = "multi_thread")]
async fn passwords_come_from_the_environment_or_a_file() {
    let served = serve_with(&[], Authentication::Scram, None).await;
    served
        .engine
        .set_administrator_password("geheim é:")
        .unwrap();
    let with = |name: &str, value: &str| -> Run {
        let mut command = remote(&served, &["--format", "csv", "SELECT 1 AS a"]);
        command.env(name, value).output().unwrap().into()
    };
    for name in ["QUERN_PASSWORD", "PGPASSWORD"] {
        let run = with(name, "geheim é:");
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(0), "a\n1\n"),
            "{}",
            run.err
        );
    }
    let wrong = with("PGPASSWORD", "secret");
    assert_eq!(
        (wrong.code, wrong.err.as_str()),
        (
            Some(3),
            "ERROR:  password authentication failed for user \"quern\"\nSQLSTATE: 28P01\n"
        )
    );
    let none = on(&served, &["SELECT 1"]);
    assert_eq!(none.code, Some(3));
    assert!(none.err.contains("no password given"), "{}", none.err);

    let folder = temporary();
    let file = folder.path().join("pgpass");
    let line = format!("# ours\n127.0.0.1:{}:*:quern:geheim é:\n", served.port);
    std::fs::write(&file, line).unwrap();
    let path = file.display().to_string();
    let readable = with("PGPASSFILE", &path);
    assert_eq!(readable.code, Some(3));
    assert!(
        readable.err.contains("others may read it"),
        "{}",
        readable.err
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(with("PGPASSFILE", &path).out, "a\n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_as_asked() {
    let folder = temporary();
    let (ca, key) = certificate(folder.path());
    let tls = Tls::read(&ca, &key).unwrap();
    let other = temporary();
    let (other_ca, _) = certificate(other.path());
    let served = serve_with(&[], Authentication::Scram, Some(tls)).await;
    served.engine.set_administrator_password("one").unwrap();
    let port = served.port.to_string();
    let (ca, other_ca) = (ca.display().to_string(), other_ca.display().to_string());
    let ssl = |host: &str, flags: &[&str]| -> Run {
        let connection = ["--host", host, "--port", &port, "--format", "csv"];
        let mut command = command(&[&connection, flags, &["SHOW ssl"]].concat());
        command.env("PGPASSWORD", "one").output().unwrap().into()
    };
    for (host, flags, expected) in [
        ("localhost", &[][..], "on"),
        ("localhost", &["--tls-mode", "disable"], "off"),
        ("localhost", &["--tls-mode", "require"], "on"),
        ("localhost", &["--tls-ca", &ca], "on"),
        (
            "127.0.0.1",
            &["--tls-mode", "verify-ca", "--tls-ca", &ca],
            "on",
        ),
    ] {
        let run = ssl(host, flags);
        assert_eq!(
            run.out,
            format!("ssl\n{expected}\n"),
            "{flags:?}: {}",
            run.err
        );
    }
    for (host, flags) in [
        (
            "127.0.0.1",
            &["--tls-mode", "verify-full", "--tls-ca", &ca][..],
        ),
        ("localhost", &["--tls-ca", &other_ca]),
        (
            "localhost",
            &["--tls-mode", "require", "--tls-ca", &other_ca],
        ),
    ] {
        let run = ssl(host, flags);
        assert_eq!(run.code, Some(3), "{flags:?}: {}", run.out);
        assert!(run.err.contains("no encrypted connection"), "{}", run.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_says_so() {
    let plain = serve().await;
    let run = on(&plain, &["--tls-mode", "require", "SELECT 1"]);
    assert_eq!(run.code, Some(3));
    assert!(
        run.err.contains("does not encrypt connections"),
        "{}",
        run.err
    );
    let run = on(&plain, &["--dbname", "nothing", "SELECT 1"]);
    assert_eq!(run.code, Some(3));
    assert!(
        run.err.contains("database \"nothing\" does not exist"),
        "{}",
        run.err
    );

    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let run: Run = command(&["--host", "127.0.0.1", "--port", &port, "SELECT 1"])
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(3));
    assert!(
        run.err.contains("cannot connect to 127.0.0.1"),
        "{}",
        run.err
    );
    assert!(run.err.ends_with("SQLSTATE: 08006\n"), "{}", run.err);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for flags in [
        &["--host", "h", "--data-dir", "d"][..],
        &["--host", "h", "--memory-limit", "1GiB"],
        &["--host", "h", "--threads", "2"],
        &["--host", "h", "--set", "timezone=UTC"],
        &["--host", "h", "--config", "f"],
        &["--host", "h", "--tls-mode", "verify-full"],
        &["--port", "5433"],
        &["--tls-mode", "disable"],
    ] {
        let run: Run = command(&[flags, &["SELECT 1"]].concat())
            .output()
            .unwrap()
            .into();
        assert_eq!(run.code, Some(2), "{flags:?}: {}", run.err);
        assert!(run.err.contains("--"), "{}", run.err);
    }
}
