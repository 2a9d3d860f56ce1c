//! Other people's clouds as judges: moto, and fakecloud where it is installed.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::python::Venv;

/// A server that runs while this value lives.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts moto in server mode on a free port, and waits until it answers.
    ///
    /// # Errors
    /// It does not start, or does not answer within a minute.
    pub fn moto(venv: &Venv) -> Result<Server, String> {
        let address = free()?;
        let mut command = venv.command(["-m", "moto.server", "-H", "127.0.0.1", "-p"]);
        // Without it moto has none of the policies that AWS manages.
        command.arg(address.port().to_string()).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
        Server::start(command, address)
    }

    /// Starts fakecloud on a free port, and waits until it answers. `None`, after saying so aloud, where it is not
    /// installed: it takes most of an hour to compile.
    ///
    /// # Errors
    /// It does not start, or does not answer within a minute.
    pub fn fakecloud() -> Result<Option<Server>, String> {
        if Command::new("fakecloud").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            // Straight to the terminal: cargo keeps what passing tests print to itself.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED, no judge: fakecloud (it is not installed)\n");
            return Ok(None);
        }
        let address = free()?;
        let mut command = Command::new("fakecloud");
        command.args(["--region", "ap-northeast-1", "--account-id", "123456789012", "--addr"]).arg(address.to_string());
        Server::start(command, address).map(Some)
    }

    fn start(mut command: Command, address: SocketAddr) -> Result<Server, String> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        let server = Server { child, address };
        let patience = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > patience {
                return Err(format!("{:?} does not answer", command.get_program()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free() -> Result<SocketAddr, String> {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).map_err(|error| error.to_string())
}
