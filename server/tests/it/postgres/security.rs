//! Passwords, encryption, and who is let in.

use std::io::Write;
use std::process::Command;

use tokio::io::AsyncWriteExt;

use super::{refused, serve_with};
use quern_server::postgres::Authentication;
use quern_server::tls::Tls;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_password_lets_in() {
    let served = serve_with(&[], Authentication::Scram, None).await;
    let expected = "password authentication failed for user \"quern\"";
    // No password was set yet.
    let (code, message) = refused(served.connect_as("user=quern password=x").await);
    assert_eq!((code.as_str(), message.as_str()), ("28P01", expected));
    served
        .engine
        .set_administrator_password("geheim é")
        .unwrap();
    let client = served
        .connect_as("user=quern password='geheim é'")
        .await
        .unwrap();
    client.simple_query("SELECT 1").await.unwrap();
    assert_eq!(
        refused(served.connect_as("user=quern password=geheim").await).0,
        "28P01"
    );
    let (code, message) = refused(served.connect_as("user=nobody password=x").await);
    assert_eq!(code, "28P01", "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_log_in_at_once() {
    // Here all come from one address.
    let no_limit = [("quern.login_wait", "0")];
    let served = serve_with(&no_limit, Authentication::Scram, None).await;
    served.engine.set_administrator_password("one").unwrap();
    let logins = (0..200).map(|at| {
        let password = if at % 2 == 0 { "one" } else { "two" };
        served.connect_as(match password {
            "one" => "user=quern password=one",
            _ => "user=quern password=two",
        })
    });
    let results = futures::future::join_all(logins).await;
    let let_in: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(let_in, (0..200).map(|at| at % 2 == 0).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_has_to_wait() {
    let limits = [
        ("quern.max_login_failures", "2"),
        ("quern.login_wait", "1h"),
    ];
    let served = serve_with(&limits, Authentication::Scram, None).await;
    served.engine.set_administrator_password("right").unwrap();
    let quern = served
        .connect_as("user=quern password=right")
        .await
        .unwrap();
    quern
        .batch_execute("CREATE USER ann PASSWORD 'wool'")
        .await
        .unwrap();
    // One that logs in begins anew.
    for password in ["wrong", "wool", "wrong"] {
        let login = format!("user=ann password={password}");
        let result = served.connect_as(&login).await;
        assert_eq!(result.is_ok(), password == "wool");
    }
    // Nobody learns whether there is such a user.
    for user in ["ann", "nobody", "nobody"] {
        let login = format!("user={user} password=wrong");
        assert_eq!(refused(served.connect_as(&login).await).0, "28P01");
    }
    for (user, password) in [("ann", "wool"), ("nobody", "wool")] {
        let login = format!("user={user} password={password}");
        let (code, message) = refused(served.connect_as(&login).await);
        assert_eq!(code, "28000");
        assert_eq!(
            message,
            format!("too many failed logins of user \"{user}\"")
        );
    }
    served
        .connect_as("user=quern password=right")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_user_may_have_a_limit_of_connections() {
    let served = serve_with(&[], Authentication::Trust, None).await;
    let quern = served.connect().await;
    let limited =
        "CREATE USER ann CONNECTION LIMIT 1; CREATE USER bob CONNECTION LIMIT 0 SUPERUSER";
    quern.batch_execute(limited).await.unwrap();
    let mut first = served.raw().await;
    first.start(&[("user", "ann")]).await;
    let (code, message) = refused(served.connect_as("user=ann").await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("53300", "too many connections for role \"ann\"")
    );
    // As in PostgreSQL, superusers have none.
    served.connect_as("user=bob").await.unwrap();
    quern
        .batch_execute("ALTER USER ann CONNECTION LIMIT 2")
        .await
        .unwrap();
    let mut second = served.raw().await;
    second.start(&[("user", "ann")]).await;
    assert_eq!(refused(served.connect_as("user=ann").await).0, "53300");
    second.send(b'X', &[]).await;
    assert!(second.next().await.is_none());
    // The place is free a moment after the connection has ended.
    while served.connect_as("user=ann").await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_connection_of_a_dropped_user_ends() {
    let served = serve_with(&[], Authentication::Trust, None).await;
    let quern = served.connect().await;
    quern.batch_execute("CREATE USER ann").await.unwrap();
    let mut ann = served.raw().await;
    ann.start(&[("user", "ann")]).await;
    assert!(ann.query("SELECT 1").await.ends_with("ZI"));
    quern
        .batch_execute("DROP USER ann; CREATE USER ann")
        .await
        .unwrap();
    ann.send(b'Q', b"SELECT 1\0").await;
    let (kind, body) = ann.next().await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(kind, b'E', "{text}");
    assert!(text.contains("FATAL") && text.contains("C28000"), "{text}");
    assert!(text.contains("was dropped or renamed"), "{text}");
    assert!(ann.next().await.is_none());
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let limit = [("quern.max_connections", "5")];
    let served = serve_with(&limit, Authentication::Trust, None).await;
    let mut silent = Vec::new();
    for _ in 0..150 {
        silent.push(served.raw().await);
    }
    let client = served.connect().await;
    client.simple_query("SELECT 1").await.unwrap();
    // The oldest of them gave way to the newer ones.
    assert!(silent.remove(0).next().await.is_none());
}

#[tokio::test]
async fn some_places_are_for_superusers() {
    let limit = [("quern.max_connections", "5")];
    let served = serve_with(&limit, Authentication::Trust, None).await;
    let quern = served.connect().await;
    quern.batch_execute("CREATE USER ann").await.unwrap();
    let ann = (
        served.connect_as("user=ann").await.unwrap(),
        served.connect_as("user=ann").await.unwrap(),
    );
    let (code, message) = refused(served.connect_as("user=ann").await);
    assert_eq!(code, "53300");
    assert_eq!(
        message,
        "remaining connection slots are reserved for superusers"
    );
    let others = (served.connect().await, served.connect().await);
    let (code, message) = refused(served.connect_as("user=quern").await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("53300", "sorry, too many clients already")
    );
    drop((ann, others));
}

#[tokio::test]
async fn who_is_not_known_yet_says_little() {
    let served = serve_with(&[], Authentication::Scram, None).await;
    let mut raw = served.raw().await;
    raw.send_startup(&[("user", "quern")]).await;
    assert_eq!(raw.next().await.unwrap().0, b'R');
    raw.0.write_all(b"p\0\x01\0\0").await.unwrap();
    let (kind, body) = raw.next().await.unwrap();
    assert_eq!(kind, b'E');
    assert!(String::from_utf8_lossy(&body).contains("54000"));
    assert!(raw.next().await.is_none());
}

#[tokio::test]
async fn stores_are_reached_as_the_server_says_from_the_start() {
    let served = serve_with(&[], Authentication::Trust, None).await;
    let quern = served.connect().await;
    quern.batch_execute("CREATE USER ann").await.unwrap();
    let option = "options='-c quern.aws_endpoint=http://127.0.0.1:1'";
    let (code, message) = refused(served.connect_as(&format!("user=ann {option}")).await);
    assert_eq!(code, "42501");
    assert_eq!(
        message,
        "permission denied to set parameter \"quern.aws_endpoint\""
    );
    served
        .connect_as(&format!("user=quern {option}"))
        .await
        .unwrap();
}

/// A certificate for localhost, as files: certificate, key.
pub fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        path
    };
    (
        write("server.crt", made.cert.pem()),
        write("server.key", made.signing_key.serialize_pem()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_connects_encrypted_and_bound_to_the_channel() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let tls = Tls::read(&certificate, &key).unwrap();
    let served = serve_with(&[], Authentication::Scram, Some(tls)).await;
    served.engine.set_administrator_password("one").unwrap();
    let port = served.port;
    let root = certificate.display().to_string();
    for options in [
        format!("sslmode=verify-full sslrootcert={root}"),
        format!("sslmode=verify-full sslrootcert={root} channel_binding=require"),
        "sslmode=require".to_string(),
        "sslmode=disable".to_string(),
    ] {
        let config = format!("host=localhost port={port} user=quern dbname=quern {options}");
        let run = tokio::task::spawn_blocking(move || {
            Command::new("psql")
                .args([&config, "-XAtc", "SHOW ssl"])
                .env("PGPASSWORD", "one")
                .output()
        });
        let Ok(output) = run.await.unwrap() else {
            assert!(std::env::var_os("CI").is_none(), "psql is missing");
            return;
        };
        let error = String::from_utf8_lossy(&output.stderr).to_string();
        let expected = if options.contains("disable") {
            "off"
        } else {
            "on"
        };
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            expected,
            "{options}: {error}"
        );
    }
}

#[test]
fn nothing_is_served_to_a_network_by_accident() {
    for (flags, says) in [
        (
            &["--listen", "0.0.0.0", "--auth", "trust"][..],
            "lets anybody in",
        ),
        (&["--listen", "0.0.0.0"][..], "unencrypted"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_quern"))
            .arg("serve")
            .args(flags)
            .args(["--postgres-port", "0"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr).to_string();
        assert!(error.contains(says), "{error}");
    }
}
