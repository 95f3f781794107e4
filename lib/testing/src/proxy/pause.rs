//! Holding a request, so that a test can act at a known moment.

use tokio::sync::oneshot;

/// At which moment a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the store hears of it.
    Before,
    /// When the store has done it, before its answer is passed on.
    After,
}

/// A request that is held, or will be. It is let go when this is dropped.
#[derive(Debug)]
pub struct Pause {
    arrived: oneshot::Receiver<()>,
    go_on: oneshot::Sender<()>,
    done: oneshot::Receiver<()>,
}

/// The proxy's side of it.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) moment: Moment,
    tell: oneshot::Sender<()>,
    let_go: oneshot::Receiver<()>,
    answered: oneshot::Sender<()>,
}

impl Pause {
    /// Waits until the request is held.
    ///
    /// # Panics
    /// When the proxy ends, or forgets its plan, before.
    pub async fn arrived(&mut self) {
        (&mut self.arrived).await.expect("the request comes");
    }

    /// Lets the request go its way, and waits until the store has answered it.
    ///
    /// # Panics
    /// When the store does not answer.
    pub async fn let_go(self) {
        drop(self.go_on);
        self.done.await.expect("the store answers");
    }
}

impl Hold {
    /// Waits until the test lets go, and gives what to tell it by that the store has answered.
    pub(super) async fn until_let_go(self) -> oneshot::Sender<()> {
        // The test may have ended; then nothing is held.
        let _ = self.tell.send(());
        let _ = self.let_go.await;
        self.answered
    }
}

/// Both sides.
pub(super) fn pause(moment: Moment) -> (Pause, Hold) {
    let (tell, arrived) = oneshot::channel();
    let (go_on, let_go) = oneshot::channel();
    let (answered, done) = oneshot::channel();
    let pause = Pause { arrived, go_on, done };
    let hold = Hold {
        moment,
        tell,
        let_go,
        answered,
    };
    (pause, hold)
}
