//! The door: takes connections and speaks HTTP/1.1 on them, so that none of them can stop the others. Everything
//! that a client may hold is bounded in time, all connections together in number, and at that bound whoever has
//! kept us waiting longest makes room. HTTP/2 is not spoken, whatever the features of a dependency: it is not
//! built here.

mod connections;
mod stage;
mod watched;

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{
    Request, body::Body as _, body::Incoming, server::conn::http1, service::Service as _, service::service_fn,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use connections::{Connection, Connections};
use stage::Step;
use watched::{Answer, Arriving, Watched};

/// Bytes of a request's head, at most; also the size of the buffers of one connection.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How often it is looked whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How long to rest when the system has no descriptor or memory for another connection.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Descriptors that are not for connections of clients: the database's and the broker's are added to them.
const DESCRIPTORS_KEPT: u64 = 128;

/// How many connections can be open at once: as many as wanted, or as the system's limit of descriptors allows,
/// which is raised as far as it may be. `others` are descriptors that the process needs besides.
///
/// Fails with a sentence, when the limit leaves nothing for clients.
pub fn connections_max(wanted: u32, others: u32) -> Result<usize, String> {
    let kept = DESCRIPTORS_KEPT + u64::from(others);
    let limit = rlimit::increase_nofile_limit(kept + u64::from(wanted))
        .map_err(|error| format!("the limit of file descriptors cannot be raised: {error}"))?;
    let possible = limit.saturating_sub(kept).min(wanted.into());
    if possible == 0 {
        return Err(format!(
            "{limit} file descriptors (ulimit -n) are too few: {kept} are needed besides connections"
        ));
    }
    if possible < u64::from(wanted) {
        tracing::warn!(wanted, possible, limit, "the limit of file descriptors allows fewer connections");
    }
    usize::try_from(possible).map_err(|error| error.to_string())
}

/// Serves until `shutdown`. Then whoever has not sent a whole request is cut off at once, and the requests that are
/// being answered are finished. `name` is what the listener is called in metrics.
pub async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    connections_max: usize,
    shutdown: CancellationToken,
) {
    let connections = Connections::new(name, connections_max);
    let serving = TaskTracker::new();
    let mut sweep = interval(SWEEP_EVERY);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = sweep.tick() => connections.close_overdue(Instant::now()),
            accepted = listener.accept() => {
                let Some((stream, peer)) = admit(accepted).await else { continue };
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = connections.make_room() => {}
                }
                let connection = connections.open(Instant::now());
                serving.spawn(drive((stream, peer), router.clone(), connection, shutdown.clone()));
            }
        }
    }
    drop(listener);
    serving.close();
    loop {
        tokio::select! {
            () = serving.wait() => break,
            _ = sweep.tick() => connections.close_overdue(Instant::now()),
        }
    }
}

async fn admit(accepted: io::Result<(TcpStream, SocketAddr)>) -> Option<(TcpStream, SocketAddr)> {
    match accepted {
        Ok((stream, peer)) => {
            // An answer is one small write: waiting for more to send would only delay it.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) if is_the_clients(&error) => None,
        Err(error) => {
            tracing::error!(%error, "no connection can be taken");
            sleep(ACCEPT_AGAIN_AFTER).await;
            None
        }
    }
}

/// Whether it went away again before we came to it.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One connection, from its first byte to its end.
async fn drive(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    connection: Connection,
    shutdown: CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        connection.step(Step::Head { whole: request.body().is_end_stream() });
        let answering = router.call(request.map(|body| Arriving::new(body, connection.clone())));
        let connection = connection.clone();
        async move { answering.await.map(|answer| answer.map(|body| Answer::new(body, connection))) }
    });
    let io = TokioIo::new(Watched::new(stream, connection.clone()));
    // Time is kept by the table of connections: hyper's own would end what is idle as soon as what is slow.
    let mut http = http1::Builder::new();
    http.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    let mut serving = pin!(http.serve_connection(io, service));
    let mut is_draining = false;
    loop {
        tokio::select! {
            biased;
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                break;
            }
            // Unless a whole request has come in at the last moment: it is answered.
            () = connection.told_to_close() => if connection.may_be_closed() { break },
            () = shutdown.cancelled(), if !is_draining => {
                if connection.owes_no_answer() {
                    break;
                }
                is_draining = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
