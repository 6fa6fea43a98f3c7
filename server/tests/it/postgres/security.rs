//! Passwords, encryption, and who is let in.

use std::io::Write;
use std::process::Command;

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
    let served = serve_with(&[], Authentication::Scram, None).await;
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
