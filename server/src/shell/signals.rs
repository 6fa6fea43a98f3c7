//! Ctrl-C and termination, as events that whoever waits for a query also waits for.

use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::terminal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM or SIGHUP.
    Terminate,
}

pub struct Signals {
    received: UnboundedReceiver<Signal>,
}

impl Signals {
    /// Listens from now on, on a thread of its own: a query that keeps every other thread busy must
    /// not keep Ctrl-C from being seen.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, received) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let streams = {
            let _inside = runtime.enter();
            [
                (signal(SignalKind::interrupt())?, Signal::Interrupt),
                (signal(SignalKind::terminate())?, Signal::Terminate),
                (signal(SignalKind::hangup())?, Signal::Terminate),
            ]
        };
        std::thread::Builder::new()
            .name("quern-signals".to_string())
            .spawn(move || runtime.block_on(forward(streams, sender)))?;
        Ok(Self { received })
    }

    /// The next signal; waits for ever when none can come any more.
    pub async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Forgets signals that came while nothing ran.
    pub fn forget(&mut self) {
        while self.received.try_recv().is_ok() {}
    }
}

/// Passes signals on until nobody listens.
async fn forward<const N: usize>(
    streams: [(unix::Signal, Signal); N],
    sender: UnboundedSender<Signal>,
) {
    let each = streams.map(|(mut stream, event)| {
        let sender = sender.clone();
        async move {
            while stream.recv().await.is_some() {
                if event == Signal::Terminate {
                    terminal::leave_if_idle();
                }
                if sender.send(event).is_err() {
                    return;
                }
            }
        }
    });
    futures::future::join_all(each).await;
}
