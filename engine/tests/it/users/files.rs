//! Files and URLs: in reach only where the administrator says.

use std::path::Path;

use quern_engine::Settings;

use super::{World, world};

const READ: &str = "permission denied to read files of the server";
const WRITE: &str = "permission denied to write files of the server";

/// A folder with an allowed folder `data`, others, and links from it to them.
struct Files {
    folder: tempfile::TempDir,
    world: World,
}

impl Files {
    fn at(&self, below: &str) -> String {
        path(self.folder.path(), below)
    }
}

async fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let at = |below: &str| path(folder.path(), below);
    for below in ["data/in", "data2", "other"] {
        std::fs::create_dir_all(at(below)).unwrap();
        std::fs::write(at(&format!("{below}/x.csv")), "a\n1\n").unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("other"), at("data/link")).unwrap();
        std::os::unix::fs::symlink(at("other/x.csv"), at("data/in/link.csv")).unwrap();
    }
    let mut settings = Settings::default();
    let allowed = format!("{}, s3://bucket/in", at("data"));
    settings
        .set_at_start("quern.allowed_locations", &allowed)
        .unwrap();
    let w = world(settings).await;
    w.all(
        &w.quern,
        &[
            "GRANT CREATE ON SCHEMA public TO ann",
            "GRANT SELECT, INSERT ON t TO ann",
        ],
    )
    .await;
    Files { folder, world: w }
}

fn path(folder: &Path, below: &str) -> String {
    folder.join(below).to_str().unwrap().to_string()
}

#[tokio::test]
async fn no_path_leads_out_of_a_folder() {
    let f = files().await;
    let w = &f.world;
    for below in [
        "data2/x.csv",
        "other/x.csv",
        "data/../other/x.csv",
        "data/in/../../other/x.csv",
        "data/link/x.csv",
        "data/in/link.csv",
        "data/in/*.csv",
        "data/in",
        "data/*/x.csv",
        "data/{in,link}/x.csv",
        "*/x.csv",
    ] {
        let place = f.at(below);
        let statements = [
            format!("SELECT * FROM '{place}'"),
            format!("SELECT * FROM read_csv('{place}')"),
            format!("SELECT * FROM 'file://{place}'"),
            format!("CREATE TABLE e WITH (location = '{place}')"),
            format!("CREATE EXTERNAL TABLE e STORED AS csv LOCATION '{place}'"),
            format!("CREATE VIEW e AS SELECT * FROM '{place}'"),
            format!("COPY t FROM '{place}'"),
        ];
        for sql in &statements {
            w.refused(READ, &[sql]).await;
        }
    }
    for below in [
        "data2/y.csv",
        "other/y",
        "data/link/y.csv",
        "data/in/link.csv",
        "data/../y.csv",
    ] {
        w.refused(WRITE, &[&format!("COPY t TO '{}'", f.at(below))])
            .await;
    }
}

#[tokio::test]
async fn urls_are_in_reach_as_the_server_says() {
    let f = files().await;
    let w = &f.world;
    w.refused(
        READ,
        &[
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM 's3://bucket/input/x.csv'",
            "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
        ],
    )
    .await;
    w.refused(
        "permission denied to say how an object store is reached",
        &["SELECT * FROM read_csv('s3://bucket/in/x.csv', aws_endpoint => 'http://127.0.0.1:1')"],
    )
    .await;
    w.refused(
        "permission denied to set parameter \"quern.aws_endpoint\"",
        &["SET quern.aws_endpoint = 'http://127.0.0.1:1'"],
    )
    .await;
}

/// Counts the connections that come to it.
async fn listener() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let came = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&came);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    (url, came)
}

#[tokio::test]
async fn a_users_own_endpoint_hears_nothing() {
    let f = files().await;
    let w = &f.world;
    let (url, came) = listener().await;
    let place = "s3://bucket/in/x";
    let with = format!("aws_endpoint = '{url}'");
    let given = format!("aws_endpoint => '{url}'");
    w.refused(
        "permission denied to say how an object store is reached",
        &[
            &format!("SELECT * FROM read_delta('{place}', {given})"),
            &format!("SELECT * FROM read_parquet('{place}', {given})"),
            &format!("DESCRIBE SELECT * FROM read_delta('{place}', {given})"),
            &format!("CREATE VIEW e AS SELECT * FROM read_delta('{place}', {given})"),
            &format!("CREATE TABLE e WITH (location = '{place}', {with})"),
            &format!("CREATE TABLE e WITH (location = '{place}', format = 'delta', {with})"),
            &format!("CREATE TABLE e WITH (location = '{place}', format = 'delta', aws_container_authorization_token_file = '/etc/passwd')"),
            &format!("COPY t FROM '{place}' (format delta, aws_endpoint '{url}')"),
            &format!("COPY t FROM '{place}' (format parquet, aws_endpoint '{url}')"),
        ],
    )
    .await;
    w.refused(
        "permission denied to read a Delta table by its folder",
        &[
            "SELECT * FROM read_delta('s3://bucket/in/x')",
            "CREATE TABLE e WITH (location = 's3://bucket/in/x', format = 'delta')",
        ],
    )
    .await;
    assert_eq!(came.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn braces_stand_for_few_paths() {
    let f = files().await;
    let pattern = format!("/{}/{}", "{a,b}".repeat(15), "x".repeat(60_000));
    let e = crate::support::error(&f.world.ann, &format!("SELECT * FROM '{pattern}'")).await;
    assert_eq!(e.sqlstate(), "54000");
    let e = crate::support::error(
        &f.world.ann,
        &format!("SELECT * FROM '/{}'", "x".repeat(1 << 20)),
    )
    .await;
    assert_eq!(e.sqlstate(), "54000");
}

#[tokio::test]
async fn settings_do_not_take_the_server_from_others() {
    let w = world(Settings::default()).await;
    for (name, value) in [
        ("quern.threads", "1000000"),
        ("quern.threads", "1024"),
        ("quern.batch_size", "1000000000"),
        ("quern.batch_size", "65537"),
        ("application_name", &"x".repeat(100_000)),
        ("work_mem", &"x".repeat(100_000)),
    ] {
        for sql in [
            format!("SET {name} = '{value}'"),
            format!("SELECT set_config('{name}', '{value}', false)"),
        ] {
            let e = crate::support::error(&w.ann, &sql).await;
            assert_eq!(e.sqlstate(), "22023", "{name}");
        }
    }
    w.all(
        &w.ann,
        &["SET quern.threads = 4", "SET quern.batch_size = 65536"],
    )
    .await;
}

#[tokio::test]
async fn a_table_reads_with_its_owners_rights() {
    let f = files().await;
    let w = &f.world;
    // What is listed works.
    let place = f.at("data/in/x.csv");
    w.all(
        &w.ann,
        &[
            &format!("SELECT * FROM '{place}'"),
            &format!("CREATE TABLE e WITH (location = '{place}')"),
            "SELECT * FROM e",
            &format!("COPY (SELECT 1 AS a) TO '{}'", f.at("data/new.csv")),
            &format!(
                "COPY (SELECT 1 AS a, 2 AS b) TO '{}'",
                f.at("data/parts/x.parquet")
            ),
        ],
    )
    .await;
    assert!(std::fs::exists(f.at("data/new.csv")).unwrap());
    assert!(!std::fs::exists(f.at("other/y.csv")).unwrap());
    // A table of the administrator reads with the administrator's rights, that of ann with hers.
    w.all(
        &w.quern,
        &[
            &format!("CREATE TABLE f WITH (location = '{}')", f.at("other/x.csv")),
            &format!("CREATE VIEW g AS SELECT * FROM '{}'", f.at("other/x.csv")),
            "GRANT SELECT ON f TO ann",
            "GRANT SELECT ON g TO ann",
        ],
    )
    .await;
    w.all(
        &w.ann,
        &[
            "SELECT * FROM f",
            "SELECT * FROM g",
            "SELECT * FROM system.chunks",
        ],
    )
    .await;
    #[cfg(unix)]
    {
        std::fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink(f.at("other/x.csv"), &place).unwrap();
        w.refused(READ, &["SELECT * FROM e"]).await;
    }
}

#[tokio::test]
async fn no_files_are_in_reach_without_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.csv"), "a\n1\n").unwrap();
    let w = world(Settings::default()).await;
    w.refused(
        "permission denied to read files of the server",
        &[&format!("SELECT * FROM '{}'", path(folder.path(), "x.csv"))],
    )
    .await;
    w.refused(
        "permission denied to write files of the server",
        &[&format!(
            "COPY (SELECT 1 AS a) TO '{}'",
            path(folder.path(), "y.csv")
        )],
    )
    .await;
}
