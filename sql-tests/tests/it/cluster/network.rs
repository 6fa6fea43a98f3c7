//! An executor on a host of its own, a network namespace, is cut off in the middle of a query: its packets are
//! dropped and nothing is refused. The query answers while it is away, and it is back when the network is.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use quern_cluster::{Coordinator, CoordinatorOptions};
use quern_engine::execution::Remote;
use quern_engine::{Engine, SessionOptions, Settings};
use quern_sql_tests::cluster::program;

use super::{QUERY, rows, tables, until};
use crate::{support, tpch};

fn ip(arguments: &str) -> bool {
    let done = Command::new("ip")
        .args(arguments.split(' '))
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

/// A host beside this one, and the link between them.
struct Host {
    name: String,
    link: String,
    here: String,
    there: String,
}

impl Host {
    /// `None` where namespaces cannot be made.
    fn make() -> Option<Self> {
        let id = std::process::id();
        let (name, link) = (format!("quern{id}"), format!("qn{id}"));
        let subnet = format!("10.213.{}", id % 254 + 1);
        let host = Self {
            here: format!("{subnet}.1"),
            there: format!("{subnet}.2"),
            name,
            link,
        };
        let Self {
            name,
            link,
            here,
            there,
        } = &host;
        let peer = format!("{link}p");
        let steps = [
            format!("netns add {name}"),
            format!("link add {link} type veth peer name {peer}"),
            format!("link set {peer} netns {name}"),
            format!("addr add {here}/30 dev {link}"),
            format!("link set {link} up"),
            format!("-n {name} addr add {there}/30 dev {peer}"),
            format!("-n {name} link set {peer} up"),
            format!("-n {name} link set lo up"),
        ];
        steps.iter().all(|step| ip(step)).then_some(host)
    }

    fn connected(&self, is: bool) {
        let state = if is { "up" } else { "down" };
        assert!(ip(&format!(
            "-n {} link set {}p {state}",
            self.name, self.link
        )));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        ip(&format!("link del {}", self.link));
        ip(&format!("netns del {}", self.name));
    }
}

struct Executor(Child);

impl Executor {
    fn start(
        mut command: Command,
        coordinator: &Coordinator,
        listen: &str,
        work: &std::path::Path,
    ) -> Self {
        command
            .args(["executor", "--cores=1", "--memory=512MiB", "--insecure"])
            .arg(format!("--coordinator={}", coordinator.address()))
            .arg(format!("--listen={listen}"))
            .arg(format!("--work-dir={}", work.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that both hosts reach.
fn coordinator(engine: &Engine, host: &Host) -> Arc<Coordinator> {
    let options = CoordinatorOptions {
        listen: format!("{}:0", host.here).parse().unwrap(),
        advertise: host.here.clone(),
        secret: None,
        patience: Duration::from_secs(60),
    };
    Arc::new(Coordinator::start(engine.template(), &options).unwrap())
}

#[test]
fn a_query_answers_while_an_executor_is_cut_off() {
    let Some(host) = Host::make() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "network namespaces need root and iproute2"
        );
        #[expect(clippy::print_stderr)]
        let () = eprintln!("SKIPPED: network namespaces need root and iproute2");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (data, work) = (folder.path().join("data"), folder.path().join("work"));
    for folder in [&data, &work] {
        std::fs::create_dir(folder).unwrap();
    }
    tpch::generate(&data);
    let engine = Engine::open(Settings::default()).unwrap();
    let coordinator = coordinator(&engine, &host);
    let near = Executor::start(Command::new(program()), &coordinator, &host.here, &work);
    let mut away = Command::new("ip");
    away.args(["netns", "exec", &host.name]).arg(program());
    let away = Executor::start(away, &coordinator, &host.there, &work);
    let both = || coordinator.executors().len() == 2;
    until("two executors", both);

    engine.join_cluster(Arc::clone(&coordinator) as _);
    let (session, local) = (
        Arc::new(engine.session(SessionOptions::local())),
        engine.session(SessionOptions::local()),
    );
    let expected = support::block_on(async {
        tables(&local, &data).await;
        local.sql("SET quern.execution = local").await.unwrap();
        session.sql("SET quern.execution = cluster").await.unwrap();
        session
            .sql("SET quern.broadcast_limit = '1'")
            .await
            .unwrap();
        let expected = rows(&local, QUERY).await;
        assert_eq!(rows(&session, QUERY).await, expected);
        expected
    });

    let ended = || {
        coordinator
            .tasks()
            .iter()
            .filter(|task| task.state == "finished")
            .count()
    };
    let before = ended();
    let query = std::thread::spawn(move || {
        let answer = support::block_on(rows(&session, QUERY));
        (session, answer)
    });
    until("the first task", || ended() > before || query.is_finished());
    host.connected(false);
    until("the end of the query", || query.is_finished());
    let (session, answer) = query.join().unwrap();
    assert_eq!(answer, expected);

    host.connected(true);
    until("the executor that was away", both);
    assert_eq!(support::block_on(rows(&session, QUERY)), expected);
    drop((near, away));
}
