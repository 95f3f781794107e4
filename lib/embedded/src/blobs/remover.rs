//! Unlinks files on a thread of its own, because unlinking a large file is slow and nothing waits for it.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::BlobId;

#[derive(Debug)]
pub(super) struct Remover {
    queue: Option<mpsc::Sender<BlobId>>,
    thread: Option<JoinHandle<()>>,
}

impl Remover {
    pub(super) fn start(root: PathBuf) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<BlobId>();
        let thread = std::thread::Builder::new()
            .name("embedded-remover".into())
            .spawn(move || {
                for id in work {
                    match std::fs::remove_file(root.join(id.path())) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            // The next start removes it.
                            tracing::warn!(%error, "blob removal failed");
                        }
                        // The upload ended before the file was created.
                        Ok(()) | Err(_) => {}
                    }
                }
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    pub(super) fn remove(&self, id: BlobId) {
        // Without the thread the file stays until the next start removes it.
        if let Some(queue) = &self.queue {
            let _ = queue.send(id);
        }
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
