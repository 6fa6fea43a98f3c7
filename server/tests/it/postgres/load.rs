//! Many connections and many rows: the memory of a server process stays within bounds.
//!
//! The server is a process of its own, so that its memory is its own and so are its files.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Raw;

/// Connections that do nothing.
const IDLE: usize = 10_000;
/// As few as these are no test.
const LEAST_IDLE: usize = 4_000;
/// Memory of one of them in the server, more than three times what is needed.
const BYTES_PER_IDLE: u64 = 64 << 10;

/// Rows of a long answer.
const ROWS: u64 = if cfg!(debug_assertions) {
    2_000_000
} else {
    50_000_000
};
/// How much the server may grow from the first tenth of the rows to the last.
const GROWTH_BYTES: u64 = 32 << 20;

/// An answer that takes longer than this is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// `quern serve` as a process that ends with the test.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_quern"))
            .args(["serve", "--auth", "trust", "--postgres-port", "0"])
            .args(["--set", "quern.max_connections=20000"])
            .args(["--set", "quern.memory_limit=256MiB"])
            .env_remove("QUERN_CONFIG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    async fn connect(&self) -> Raw {
        let mut raw = Raw(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap());
        raw.start(&[("user", "quern")]).await;
        raw
    }

    /// Memory that the process has in RAM.
    fn resident_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line
            .split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process open as many files as the system allows it, and says how many.
fn raise_file_limit() -> usize {
    #[allow(unsafe_code)]
    // SAFETY: both calls read and write only the struct that they are given.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
        usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_are_cheap_and_in_nobodys_way() {
    // Tests beside this one open files, too.
    let count = IDLE.min(raise_file_limit().saturating_sub(1_000));
    if count < IDLE {
        eprintln!("the limit of open files allows {count} connections, not {IDLE}");
    }
    let in_ci = std::env::var_os("CI").is_some();
    assert!(count >= LEAST_IDLE || !in_ci, "too few files may be open");
    let server = Process::start();
    let mut busy = server.connect().await;
    assert_eq!(busy.query("SELECT 1").await, "TDCZI");
    let before = server.resident_bytes();
    let mut idle: Vec<Raw> = futures::stream::iter(0..count)
        .map(|_| server.connect())
        .buffer_unordered(64)
        .collect()
        .await;
    let grown = server.resident_bytes().saturating_sub(before);
    let allowed = count as u64 * BYTES_PER_IDLE;
    assert!(grown < allowed, "{count} connections take {grown} bytes");
    let served = tokio::time::timeout(PATIENCE, async {
        for _ in 0..20 {
            assert_eq!(
                busy.query("SELECT sum(x) FROM generate_series(1, 1000) AS g(x)")
                    .await,
                "TDCZI"
            );
        }
        assert_eq!(server.connect().await.query("SELECT 1").await, "TDCZI");
        for one in idle.iter_mut().step_by(500) {
            assert_eq!(one.query("SELECT 1").await, "TDCZI");
        }
    });
    assert!(
        served.await.is_ok(),
        "nobody is served beside idle connections"
    );
}

/// Reads up to ReadyForQuery, calls `look` after so many rows, and counts all rows.
async fn count_rows(raw: &mut Raw, look_after: u64, mut look: impl FnMut()) -> u64 {
    let mut buffer = vec![0; 256 << 10];
    let (mut filled, mut rows) = (0, 0);
    loop {
        let read = raw.0.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let mut at = 0;
        while let Some([kind, a, b, c, d]) = buffer[at..filled].first_chunk() {
            let end = at + 1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            if end > filled {
                break;
            }
            match kind {
                b'D' => {
                    rows += 1;
                    if rows == look_after {
                        look();
                    }
                }
                b'Z' => return rows,
                b'E' => panic!("{}", String::from_utf8_lossy(&buffer[at..end])),
                _ => {}
            }
            at = end;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stream_through_a_server_whose_memory_stays_flat() {
    let server = Process::start();
    let sql = format!("SELECT x, 'row ' || x FROM generate_series(1, {ROWS}) AS g(x)");
    for extended in [false, true] {
        let mut raw = server.connect().await;
        if extended {
            raw.send(b'P', format!("\0{sql}\0\0\0").as_bytes()).await;
            raw.send(b'B', b"\0\0\0\0\0\0\0\0").await;
            raw.send(b'E', b"\0\0\0\0\0").await;
            raw.send(b'S', b"").await;
        } else {
            raw.send(b'Q', format!("{sql}\0").as_bytes()).await;
        }
        let mut early = 0;
        let rows = count_rows(&mut raw, ROWS / 10, || early = server.resident_bytes()).await;
        assert_eq!(rows, ROWS);
        let late = server.resident_bytes();
        assert!(
            late < early + GROWTH_BYTES,
            "from {early} to {late} bytes, extended: {extended}"
        );
    }
}
