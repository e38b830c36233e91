//! A way to a server that can be cut and mended: what a client sees of a server that was stopped and started again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on while it is whole. Cut, it closes every connection, and each new one at once.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: Arc<AtomicBool>,
    close: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, cut) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (close, closed) = watch::channel(0);
        let is_cut = Arc::clone(&cut);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let (server, mut closed) = (server.clone(), closed.clone());
                closed.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut there) = TcpStream::connect(&server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut there) => {}
                        _ = closed.changed() => {}
                    }
                });
            }
        });
        Self { address, cut, close }
    }

    /// Stops the server, as far as anybody can tell.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.close.send_modify(|times| *times += 1);
    }

    /// Starts it again.
    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}
