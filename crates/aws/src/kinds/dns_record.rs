//! Not written yet.

crate::live::not_written!(DnsRecord);
