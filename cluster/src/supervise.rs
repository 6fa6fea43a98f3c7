//! Executors of this machine as children of the coordinator: started, restarted when they die, ended with
//! it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Coordinator;
use crate::coordinator::Shared;
use crate::watch::gone;

/// A child that dies at once is started again more and more slowly.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A child that lived so long is not one that dies at once.
const LIVED: Duration = Duration::from_secs(30);

/// How long children may take to end.
const ENDING: Duration = Duration::from_secs(3);

#[derive(Debug, Clone)]
pub struct ChildrenOptions {
    pub count: usize,
    /// The program that has the subcommand `executor`.
    pub program: PathBuf,
    /// What follows the flags that every child gets.
    pub arguments: Vec<String>,
    /// What is not to be seen among the flags.
    pub environment: Vec<(String, String)>,
}

/// Processes that are there as long as this is.
#[derive(Debug)]
pub struct Children {
    end: watch::Sender<bool>,
    keepers: Vec<JoinHandle<()>>,
    /// The numbers of the processes that live.
    living: Living,
    shared: Arc<Shared>,
}

type Living = Arc<Mutex<Vec<u32>>>;

impl Children {
    pub fn start(coordinator: &Coordinator, options: &ChildrenOptions) -> Self {
        let (end, ended) = watch::channel(false);
        let address = coordinator.address().to_string();
        let shared = Arc::clone(&coordinator.shared);
        let living = Living::default();
        let keepers = (0..options.count).map(|_| {
            let keeper = Keeper {
                living: Arc::clone(&living),
                shared: Arc::clone(&shared),
                options: options.clone(),
                address: address.clone(),
                ended: ended.clone(),
            };
            shared.handle.spawn(keeper.keep())
        });
        let keepers = keepers.collect();
        Self {
            end,
            keepers,
            living,
            shared,
        }
    }

    /// The numbers of the processes that live now.
    pub fn processes(&self) -> Vec<u32> {
        self.living.lock().clone()
    }

    /// Ends the children and waits until they are gone.
    pub fn end(&mut self) {
        let _ = self.end.send(true);
        let keepers = std::mem::take(&mut self.keepers);
        let (tell, told) = std::sync::mpsc::channel();
        self.shared.handle.spawn(async move {
            for keeper in keepers {
                let _ = keeper.await;
            }
            let _ = tell.send(());
        });
        let _ = told.recv_timeout(ENDING * 2);
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        if !self.keepers.is_empty() {
            self.end();
        }
    }
}

/// Keeps one child alive.
struct Keeper {
    living: Living,
    shared: Arc<Shared>,
    options: ChildrenOptions,
    address: String,
    ended: watch::Receiver<bool>,
}

impl Keeper {
    async fn keep(mut self) {
        let mut pause = FIRST_PAUSE;
        while !*self.ended.borrow() {
            let id = Uuid::new_v4().to_string();
            let began = tokio::time::Instant::now();
            match self.spawn(&id) {
                Ok(mut child) => {
                    let process = child.id();
                    // Waiting would close it.
                    let input = child.stdin.take();
                    self.living.lock().extend(process);
                    tokio::select! {
                        status = child.wait() => {
                            self.living.lock().retain(|living| Some(*living) != process);
                            tracing::warn!(executor = id, ?status, "an executor of this machine ended");
                            gone(&self.shared.scheduler, &id, "its process ended").await;
                        }
                        _ = self.ended.changed() => return end(child, input).await,
                    }
                }
                Err(error) => tracing::error!(%error, "an executor does not start"),
            }
            pause = match began.elapsed() > LIVED {
                true => FIRST_PAUSE,
                false => (pause * 2).min(LONGEST_PAUSE),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.ended.changed() => {}
            }
        }
    }

    fn spawn(&self, id: &str) -> std::io::Result<Child> {
        let mut command = Command::new(&self.options.program);
        // Ctrl-C at a terminal is for the statement that runs, not for them.
        #[cfg(unix)]
        command.process_group(0);
        command
            .args(["executor", "--coordinator", &self.address, "--id", id])
            .arg("--ends-with-input")
            .args(&self.options.arguments)
            .envs(self.options.environment.iter().cloned())
            // The child ends when it is closed, however this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Closing its input ends the child.
async fn end(mut child: Child, input: Option<ChildStdin>) {
    drop(input);
    if tokio::time::timeout(ENDING, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
