//! `quern serve`: an engine behind the PostgreSQL protocol, until a signal ends it.
//!
//! The first SIGTERM or Ctrl-C lets running statements finish, for `quern.shutdown_timeout` at
//! most; a second one cancels them.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use quern_cluster::CoordinatorOptions;
use quern_engine::{ADMINISTRATOR, Engine, Error, Kind, Result, random_password};
use tokio::net::TcpListener;

use crate::args::ServeArgs;
use crate::cluster::{self, Cluster};
use crate::postgres::{Authentication, Server};
use crate::shell::{self, Signals, Stop, report};
use crate::tls::Tls;

/// Gives the administrator's first password.
const PASSWORD_VARIABLE: &str = "QUERN_ADMIN_PASSWORD";

pub fn run(args: &ServeArgs) -> ExitCode {
    match open_and_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.exit_code(),
    }
}

fn open_and_run(args: &ServeArgs) -> Result<(), Stop> {
    check(args).map_err(|e| said(&e, Stop::Usage))?;
    let settings = shell::settings(&args.engine, "")?;
    let runtime = shell::runtime(&settings).map_err(|e| said(&e, Stop::CannotStart))?;
    let _inside = runtime.enter();
    raise_file_limit();
    let engine = Engine::open(settings).map_err(|e| said(&e, Stop::CannotStart))?;
    let _cluster = with_cluster(args, &engine).map_err(|e| said(&e, Stop::CannotStart))?;
    let result = runtime
        .block_on(start(args, engine))
        .map_err(|e| said(&e, Stop::CannotStart));
    let result = result.and_then(|started| runtime.block_on(until_signalled(started)));
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

fn said(error: &Error, stop: Stop) -> Stop {
    report::error(error, None);
    stop
}

/// What must not be served to a network by accident.
fn check(args: &ServeArgs) -> Result<()> {
    let public = !args.listen.is_loopback();
    let refused = |what: &str| {
        Err(Error::new(Kind::InvalidParameterValue, what)
            .hint("Listen on 127.0.0.1, or say --insecure if the network is known to be safe."))
    };
    if args.insecure || !public {
        return Ok(());
    }
    if args.auth == Authentication::Trust {
        return refused("--auth trust lets anybody in who reaches the address");
    }
    if args.tls_cert.is_none() {
        return refused("without --tls-cert and --tls-key, data crosses the network unencrypted");
    }
    Ok(())
}

/// Lets executors join, and starts those of this machine.
fn with_cluster(args: &ServeArgs, engine: &Engine) -> Result<Option<Cluster>> {
    let wanted = &args.cluster;
    if !wanted.cluster {
        return Ok(None);
    }
    let listen = wanted.cluster_listen;
    let secret = cluster::secret(engine.settings())?;
    if !listen.is_loopback() && secret.is_none() && !args.insecure {
        return Err(cluster::open_to_all("--cluster-listen"));
    }
    let options = CoordinatorOptions {
        listen: SocketAddr::new(listen, wanted.cluster_port),
        advertise: match &wanted.cluster_advertise {
            Some(host) => host.clone(),
            None => listen.to_string(),
        },
        secret,
        patience: cluster::PATIENCE,
    };
    let cluster = Cluster::start(engine, &options, wanted.local_executors.unwrap_or(0))?;
    say(&format!("executors join at {}", cluster.address()));
    Ok(Some(cluster))
}

struct Started {
    server: Arc<Server>,
    listener: TcpListener,
    drain: Duration,
}

async fn start(args: &ServeArgs, engine: Engine) -> Result<Started> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
        _ => None,
    };
    let listener = listen(args.listen, args.postgres_port).await?;
    let address = listener.local_addr()?;
    if args.auth == Authentication::Scram {
        first_password(&engine)?;
    }
    let drain = engine.settings().shutdown_timeout();
    say(&format!(
        "quern {} serves PostgreSQL on {address}",
        env!("CARGO_PKG_VERSION")
    ));
    Ok(Started {
        server: Server::new(engine, args.auth, tls),
        listener,
        drain,
    })
}

async fn listen(address: IpAddr, port: u16) -> Result<TcpListener> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).await.map_err(|e| {
        Error::new(Kind::Io, format!("cannot listen on {address}: {e}"))
            .hint("Choose another port with --postgres-port; 0 takes any that is free.")
    })
}

/// The administrator's first password is the environment's, or made up and told once.
fn first_password(engine: &Engine) -> Result<()> {
    if engine
        .role(ADMINISTRATOR)
        .is_some_and(|role| role.verifier.is_some())
    {
        return Ok(());
    }
    let given = std::env::var(PASSWORD_VARIABLE)
        .ok()
        .filter(|p| !p.is_empty());
    match given {
        Some(password) => engine.set_administrator_password(&password),
        None => {
            let password = random_password()?;
            engine.set_administrator_password(&password)?;
            say(&format!(
                "the password of the administrator \"{ADMINISTRATOR}\" is {password} (shown only now)"
            ));
            Ok(())
        }
    }
}

async fn until_signalled(started: Started) -> Result<(), Stop> {
    let Started {
        server,
        listener,
        drain,
    } = started;
    let mut signals = Signals::listen().map_err(|e| said(&e.into(), Stop::CannotStart))?;
    tokio::select! {
        () = server.serve(listener) => {}
        _ = signals.next() => {}
    }
    say("shutting down: waiting for running statements");
    tokio::select! {
        () = server.drain() => return Ok(()),
        _ = signals.next() => say("cancelling running statements"),
        () = tokio::time::sleep(drain) => say("time is up: cancelling running statements"),
    }
    server.cancel_all();
    let _ = tokio::time::timeout(Duration::from_secs(5), server.drain()).await;
    Ok(())
}

/// A line for whoever started the server, which is also how programs learn of the port.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be listening.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
    if !std::io::stdout().is_terminal() {
        tracing::info!("{line}");
    }
}

/// A connection is a file: as many as the system allows this process.
fn raise_file_limit() {
    #[cfg(unix)]
    #[allow(unsafe_code)]
    // SAFETY: both calls read and write only the struct that they are given.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
