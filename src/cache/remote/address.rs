//! Where a Redis is: a URL, or several for a cluster, checked before anything is built.

use std::fmt;

use redis::IntoConnectionInfo as _;

/// Most seed nodes of a cluster; one is enough, the others are found through it.
const MAX_NODES: usize = 64;

/// One Redis, or a cluster of them. Its printed form shows hosts and ports, never a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    urls: Vec<String>,
    hosts: String,
    is_cluster: bool,
}

/// What is wrong with an address, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AddressError {
    /// What is wrong; shows nothing of the address.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl AddressError {
    fn new(message: impl Into<String>, remedy: &str) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.to_owned(),
        }
    }
}

impl Address {
    /// Reads `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`; for a cluster one such URL or several
    /// with commas between them.
    pub fn try_new(text: &str, is_cluster: bool) -> Result<Self, AddressError> {
        let urls: Vec<String> = text.split(',').map(|url| url.trim().to_owned()).collect();
        if urls.len() > 1 && !is_cluster {
            return Err(AddressError::new(
                "several addresses are for a cluster",
                "name one server, or set cluster = true",
            ));
        }
        if urls.len() > MAX_NODES {
            return Err(AddressError::new(
                format!("more than {MAX_NODES} addresses"),
                "name a few: the other nodes are found through them",
            ));
        }
        let mut hosts = Vec::with_capacity(urls.len());
        for url in &urls {
            hosts.push(host(url, is_cluster)?);
        }
        Ok(Self {
            urls,
            hosts: hosts.join(","),
            is_cluster,
        })
    }

    /// Hosts and ports, for people.
    pub fn redacted(&self) -> &str {
        &self.hosts
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        self.urls.iter().map(String::as_str)
    }
}

fn host(url: &str, is_cluster: bool) -> Result<String, AddressError> {
    let shape = "write it like redis://127.0.0.1:6379 or redis://user:password@host:6379/0";
    let Some((scheme, _)) = url.split_once("://") else {
        return Err(AddressError::new("the Redis URL has no scheme", shape));
    };
    match scheme {
        "redis" | "valkey" => {}
        "rediss" | "valkeys" => {
            return Err(AddressError::new(
                format!("`{scheme}://` (TLS) is not supported by this version"),
                "use redis:// on loopback or a private network, or through a TLS tunnel",
            ));
        }
        _ => {
            return Err(AddressError::new(
                "the Redis URL has no known scheme",
                shape,
            ));
        }
    }
    // The parser's own words could repeat what must not be shown.
    let info = url
        .into_connection_info()
        .map_err(|_| AddressError::new("the Redis URL cannot be read", shape))?;
    if is_cluster && info.redis_settings().db() != 0 {
        return Err(AddressError::new(
            "a cluster has database 0 only",
            "leave the /NUMBER at the end of the URL out",
        ));
    }
    Ok(info.addr().to_string())
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_host_and_port_and_no_password() {
        let one = Address::try_new("redis://finn:hunter2@cache.example:7000/3", false).unwrap();
        assert_eq!(one.redacted(), "cache.example:7000");
        assert!(!format!("{one:?}").contains("hunter2"));
        let many = Address::try_new("redis://a:1, redis://b:2", true).unwrap();
        assert_eq!(many.redacted(), "a:1,b:2");
        let plain = Address::try_new("redis://127.0.0.1", false).unwrap();
        assert_eq!(plain.redacted(), "127.0.0.1:6379");
    }

    #[test]
    fn a_senseless_address_says_what_to_do_and_keeps_its_secret() {
        for (text, is_cluster, said) in [
            ("", false, "no scheme"),
            ("hunter2", false, "no scheme"),
            ("http://hunter2@host", false, "no known scheme"),
            ("rediss://:hunter2@host", false, "TLS"),
            ("redis://:hunter2@", false, "cannot be read"),
            ("redis://:hunter2@host:port", false, "cannot be read"),
            ("redis://:hunter2@host/x", false, "cannot be read"),
            ("redis://a,redis://b", false, "several"),
            ("redis://a,hunter2", true, "no scheme"),
            ("redis://a/4", true, "database 0"),
        ] {
            let error = Address::try_new(text, is_cluster).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error:?}");
            assert!(!error.remedy.is_empty(), "{text}");
            assert!(!format!("{error:?}").contains("hunter2"), "{text}");
        }
    }
}
