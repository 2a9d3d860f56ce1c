//! Networks and ports.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::value::{ToValue, Value};

/// An IPv4 network in CIDR notation with no host bits set (`10.0.0.0/16`).
///
/// AWS clears host bits silently (CreateVpc); a text with host bits is refused here, so that what is written is what is
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ipv4Cidr(Ipv4Net);

/// Why a text is not an [`Ipv4Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCidr {
    /// It does not parse.
    #[error("`{0}` is not an IPv4 network such as `10.0.0.0/16`")]
    Syntax(String),
    /// It names an address inside a network.
    #[error("`{text}` has host bits set; the network is `{network}`")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that it lies in.
        network: Ipv4Cidr,
    },
}

impl Ipv4Cidr {
    /// Everything, `0.0.0.0/0`.
    pub const ANYWHERE: Ipv4Cidr = Ipv4Cidr(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));

    /// The length of the prefix, 0 to 32.
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// True if `other` lies inside this network (or is it).
    pub fn contains(&self, other: &Ipv4Cidr) -> bool {
        self.0.contains(&other.0)
    }

    /// True if the two share an address.
    pub fn overlaps(&self, other: &Ipv4Cidr) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The network as `ipnet` has it.
    pub fn net(&self) -> Ipv4Net {
        self.0
    }
}

impl FromStr for Ipv4Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net: Ipv4Net = text.parse().map_err(|_| InvalidCidr::Syntax(text.to_owned()))?;
        if net.addr() != net.network() {
            return Err(InvalidCidr::HostBits { text: text.to_owned(), network: Ipv4Cidr(net.trunc()) });
        }
        Ok(Ipv4Cidr(net))
    }
}

impl TryFrom<String> for Ipv4Cidr {
    type Error = InvalidCidr;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
impl From<Ipv4Cidr> for String {
    fn from(cidr: Ipv4Cidr) -> String {
        cidr.to_string()
    }
}
impl fmt::Display for Ipv4Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl ToValue for Ipv4Cidr {
    fn to_value(&self) -> Value {
        Value::Str(self.to_string())
    }
}

/// An IPv6 network in CIDR notation with no host bits set (`2001:db8::/32`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ipv6Cidr(Ipv6Net);

/// A text is not an [`Ipv6Cidr`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IPv6 network such as `2001:db8::/32`")]
pub struct InvalidIpv6Cidr(String);

impl FromStr for Ipv6Cidr {
    type Err = InvalidIpv6Cidr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = text.parse::<Ipv6Net>().ok().filter(|net| net.addr() == net.network());
        net.map(Ipv6Cidr).ok_or_else(|| InvalidIpv6Cidr(text.to_owned()))
    }
}

impl TryFrom<String> for Ipv6Cidr {
    type Error = InvalidIpv6Cidr;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
impl From<Ipv6Cidr> for String {
    fn from(cidr: Ipv6Cidr) -> String {
        cidr.to_string()
    }
}
impl fmt::Display for Ipv6Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl ToValue for Ipv6Cidr {
    fn to_value(&self) -> Value {
        Value::Str(self.to_string())
    }
}

/// A TCP or UDP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Port(u16);

/// Port 0 was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("0 is not a port; ports are 1 to 65535")]
pub struct InvalidPort;

impl Port {
    /// HTTP, 80.
    pub const HTTP: Port = Port(80);
    /// HTTPS, 443.
    pub const HTTPS: Port = Port(443);

    /// A port.
    ///
    /// # Errors
    /// 0 is none.
    pub fn new(number: u16) -> Result<Port, InvalidPort> {
        if number == 0 { Err(InvalidPort) } else { Ok(Port(number)) }
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Port {
    type Error = InvalidPort;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Port::new(number)
    }
}
impl From<Port> for u16 {
    fn from(port: Port) -> u16 {
        port.0
    }
}
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl ToValue for Port {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(self.0))
    }
}

/// A range of ports, from 0 to 65535, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct PortRange {
    from: u16,
    to: u16,
}

/// The ends are the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the port range {from} to {to} ends before it starts")]
pub struct InvalidPortRange {
    from: u16,
    to: u16,
}

impl PortRange {
    /// From one port to another.
    ///
    /// # Errors
    /// The range ends before it starts.
    pub fn new(from: u16, to: u16) -> Result<PortRange, InvalidPortRange> {
        if from > to { Err(InvalidPortRange { from, to }) } else { Ok(PortRange { from, to }) }
    }

    /// One port only.
    pub fn one(port: Port) -> PortRange {
        PortRange { from: port.0, to: port.0 }
    }

    /// The first port.
    pub fn from(self) -> u16 {
        self.from
    }

    /// The last port.
    pub fn to(self) -> u16 {
        self.to
    }

    /// True if `port` is inside.
    pub fn contains(self, port: Port) -> bool {
        (self.from..=self.to).contains(&port.0)
    }
}

impl TryFrom<(u16, u16)> for PortRange {
    type Error = InvalidPortRange;
    fn try_from((from, to): (u16, u16)) -> Result<Self, Self::Error> {
        PortRange::new(from, to)
    }
}
impl From<PortRange> for (u16, u16) {
    fn from(range: PortRange) -> (u16, u16) {
        (range.from, range.to)
    }
}
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to { write!(f, "{}", self.from) } else { write!(f, "{}-{}", self.from, self.to) }
    }
}
