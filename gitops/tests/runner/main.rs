//! Everything that needs a real git, a server and time.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod http;
#[cfg(test)]
mod https;
#[cfg(test)]
mod local;
#[cfg(test)]
mod log;
mod mirror;
#[cfg(test)]
mod proposals;
#[cfg(test)]
mod races;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod ssh;
