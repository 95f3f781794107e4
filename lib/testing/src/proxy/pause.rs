//! Holding of requests, so that a test can act at a known moment.

use tokio::sync::oneshot;

/// The moment at which a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the request is forwarded to the store.
    Before,
    /// After the store responded, before the response is passed on.
    After,
}

/// A request that is or will be held. Dropping this releases it.
#[derive(Debug)]
pub struct Pause {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
    done: oneshot::Receiver<()>,
}

/// The proxy's end of a [`Pause`].
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) moment: Moment,
    arrived: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
    done: oneshot::Sender<()>,
}

impl Pause {
    /// Waits until the request is held.
    ///
    /// # Panics
    /// Panics if the proxy stops or removes the plan before that.
    pub async fn arrived(&mut self) {
        (&mut self.arrived).await.expect("the request arrives");
    }

    /// Releases the request, and waits until the store has responded.
    ///
    /// # Panics
    /// Panics if the store does not respond.
    pub async fn let_go(self) {
        drop(self.release);
        self.done.await.expect("the store responds");
    }
}

impl Hold {
    /// Waits for the release, and returns the sender that reports the store's response to the test.
    pub(super) async fn until_released(self) -> oneshot::Sender<()> {
        // If the test has ended, the request is not held.
        let _ = self.arrived.send(());
        let _ = self.released.await;
        self.done
    }
}

/// Returns both ends of a pause.
pub(super) fn pause(moment: Moment) -> (Pause, Hold) {
    let (arrived_sender, arrived) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let (done_sender, done) = oneshot::channel();
    let pause = Pause { arrived, release, done };
    let hold = Hold {
        moment,
        arrived: arrived_sender,
        released,
        done: done_sender,
    };
    (pause, hold)
}
