//! Ctrl-C and termination, as events that whoever waits for a query also waits for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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
    /// Listens from now on; must be called inside the runtime.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, received) = unbounded_channel();
        let sources = [
            (SignalKind::interrupt(), Signal::Interrupt),
            (SignalKind::terminate(), Signal::Terminate),
            (SignalKind::hangup(), Signal::Terminate),
        ];
        for (kind, event) in sources {
            let mut stream = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if event == Signal::Terminate {
                        terminal::leave_if_idle();
                    }
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            });
        }
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
