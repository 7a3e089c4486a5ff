//! Real Redis servers, each with its own folder and port on loopback, gone when dropped.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use finstage::cache::{Address, RemoteSettings};
use tempfile::TempDir;

const MISSING: &str = "redis-server cannot be started: install it with `apt-get install redis-server` \
                       (scripts/check does so by itself)";

/// A server that can be killed, hung and started again.
pub(crate) struct RedisServer {
    port: u16,
    bus_port: u16,
    is_clustered: bool,
    running: Option<(Child, BufReader<ChildStdout>)>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts one, and waits until it accepts connections.
    pub(crate) fn start() -> Self {
        Self::started(false)
    }

    fn started(is_clustered: bool) -> Self {
        // Held together, so that they differ.
        let (one, other) = (free_port(), free_port());
        let port = |held: &TcpListener| held.local_addr().unwrap().port();
        let mut server = Self {
            port: port(&one),
            bus_port: port(&other),
            is_clustered,
            running: None,
            folder: tempfile::tempdir().unwrap(),
        };
        drop((one, other));
        server.run();
        server
    }

    fn run(&mut self) {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string()])
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--daemonize", "no", "--logfile", "", "--dir"])
            .arg(self.folder.path());
        if self.is_clustered {
            command
                .args([
                    "--cluster-enabled",
                    "yes",
                    "--cluster-config-file",
                    "nodes.conf",
                ])
                .args(["--cluster-port", &self.bus_port.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{MISSING}: {error}"));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ready to accept connections") {
            let read = output.read_line(&mut said).unwrap();
            assert!(read > 0, "redis-server ended at once:\n{said}");
        }
        self.running = Some((child, output));
    }

    /// How the cache reaches it: with patience, so that a busy machine changes no outcome. While it
    /// is away it is tried for quickly.
    pub(crate) fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            timeout: Duration::from_secs(5),
            ..self.usual()
        }
    }

    /// Its address, as a configuration has it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The same with the timeout of production.
    pub(crate) fn usual(&self) -> RemoteSettings {
        quick(&format!("redis://127.0.0.1:{}", self.port), false)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again at the same place, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Stops its process: connections stay and nothing is answered.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let (child, _) = self.running.as_ref().expect("it is running");
        let mut kill = Command::new("kill");
        kill.args([signal, &child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// What `redis-cli` answers.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let mut command = Command::new("redis-cli");
        command.args(["-h", "127.0.0.1", "-p", &port]);
        run(command.args(arguments))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A cluster of three masters.
pub(crate) struct RedisCluster {
    pub(crate) nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts three servers and makes them one.
    pub(crate) fn start() -> Self {
        let nodes: Vec<RedisServer> = (0..3).map(|_| RedisServer::started(true)).collect();
        let mut command = Command::new("redis-cli");
        command.args(["--cluster", "create"]);
        command.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        let said = run(command.args(["--cluster-replicas", "0", "--cluster-yes"]));
        assert!(said.contains("All 16384 slots covered"), "{said}");
        Self { nodes }
    }

    /// How the cache reaches it, by one of its nodes.
    pub(crate) fn settings(&self) -> RemoteSettings {
        let url = format!("redis://127.0.0.1:{}", self.nodes[0].port);
        RemoteSettings {
            // A part that is gone shows itself in calls that take their whole time.
            retry_every: Duration::from_millis(500),
            ..quick(&url, true)
        }
    }
}

fn quick(url: &str, is_cluster: bool) -> RemoteSettings {
    RemoteSettings {
        retry_every: Duration::from_millis(20),
        ..RemoteSettings::at(Address::try_new(url, is_cluster).unwrap())
    }
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("redis-cli: {error}; it comes with redis-server"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}
