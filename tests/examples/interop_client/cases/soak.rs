//! rpc_soak and channel_soak: large unary calls, many of them, each in bounded time.
//!
//! Each of the threads makes its share of the iterations, one after the other. A call that fails, or that takes too
//! long, is a failure; so many may be, and all must be done before the overall timeout.

use std::{fmt::Write, time::Duration};

use clap::Args;
use tokio::{task::JoinSet, time::Instant};
use wirepath::{
    CallOptions, Channel, Deadline, Request,
    generated::grpc::testing::{SimpleRequest, test_service_client::TestServiceClient},
};

use super::checks::{Difference, LARGE_REQUEST, LARGE_RESPONSE, Outcome, is_zeros};
use crate::interop_shared::zeros;

/// The flags of the soak cases, with the official names and defaults.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(rename_all = "snake_case")]
pub(crate) struct Soak {
    /// How many calls in all.
    #[arg(long, default_value_t = 10)]
    pub(crate) soak_iterations: usize,
    /// How many of them may fail.
    #[arg(long, default_value_t = 0)]
    pub(crate) soak_max_failures: usize,
    /// How long one may take.
    #[arg(long, default_value_t = 1000)]
    pub(crate) soak_per_iteration_max_acceptable_latency_ms: u64,
    /// How long all may take.
    #[arg(long, default_value_t = 10)]
    pub(crate) soak_overall_timeout_seconds: u64,
    /// The least time from the start of one call to that of the next, on each thread.
    #[arg(long, default_value_t = 0)]
    pub(crate) soak_min_time_ms_between_rpcs: u64,
    /// Bytes of the payload to send.
    #[arg(long, default_value_t = LARGE_REQUEST)]
    pub(crate) soak_request_size: usize,
    /// Bytes of the payload to ask for.
    #[arg(long, default_value_t = LARGE_RESPONSE)]
    pub(crate) soak_response_size: usize,
    /// How many call at the same time.
    #[arg(long, default_value_t = 1)]
    pub(crate) soak_num_threads: usize,
}

/// What one thread saw.
#[derive(Default)]
struct Tally {
    succeeded: usize,
    failures: Vec<Difference>,
}

impl Soak {
    /// Checks what no flag can tell alone.
    ///
    /// # Errors
    /// One line that says what does not go together.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (iterations, threads) = (self.soak_iterations, self.soak_num_threads);
        if threads == 0 {
            return Err("--soak_num_threads 0: nobody would call".to_owned());
        }
        if iterations % threads != 0 {
            return Err(format!(
                "--soak_iterations {iterations}: not a multiple of --soak_num_threads {threads}"
            ));
        }
        Ok(())
    }

    /// Makes all calls, each on the channel that `connect` gives for it.
    pub(crate) async fn run(&self, connect: impl Fn() -> Channel + Clone + Send + 'static) -> Outcome {
        let end = Deadline::after(Duration::from_secs(self.soak_overall_timeout_seconds));
        let mut threads = JoinSet::new();
        for _ in 0..self.soak_num_threads {
            let (soak, connect) = (self.clone(), connect.clone());
            threads.spawn(async move { soak.run_share(connect, end).await });
        }
        let mut all = Tally::default();
        for Tally { succeeded, failures } in threads.join_all().await {
            all.succeeded += succeeded;
            all.failures.extend(failures);
        }
        self.judge(&all)
    }

    async fn run_share(&self, connect: impl Fn() -> Channel, end: Deadline) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..self.soak_iterations / self.soak_num_threads {
            if end.is_past() {
                break;
            }
            let pause = tokio::time::sleep(Duration::from_millis(self.soak_min_time_ms_between_rpcs));
            match self.iterate(connect(), end).await {
                Ok(()) => tally.succeeded += 1,
                Err(failure) => tally.failures.push(failure),
            }
            pause.await;
        }
        tally
    }

    async fn iterate(&self, channel: Channel, end: Deadline) -> Outcome {
        let request = SimpleRequest {
            response_size: self.soak_response_size as i32,
            payload: Some(zeros(self.soak_request_size)),
            ..Default::default()
        };
        let request = Request::new(request).with_options(CallOptions::new().deadline(end));
        let begun = Instant::now();
        let response = TestServiceClient::new(channel).unary_call(request).await?;
        let latency = begun.elapsed();
        is_zeros("the response", response.into_message().payload, self.soak_response_size)?;
        let longest = Duration::from_millis(self.soak_per_iteration_max_acceptable_latency_ms);
        if latency > longest {
            return Err(Difference::new(format!("a call took {latency:?}, acceptable is {longest:?}")));
        }
        Ok(())
    }

    fn judge(&self, all: &Tally) -> Outcome {
        let (iterations, failures) = (self.soak_iterations, all.failures.len());
        let done = all.succeeded + failures;
        let mut line = if done < iterations {
            format!("{done} of {iterations} iterations in {} s", self.soak_overall_timeout_seconds)
        } else if failures > self.soak_max_failures {
            format!("{failures} of {iterations} iterations failed, acceptable are {}", self.soak_max_failures)
        } else {
            return Ok(());
        };
        if let Some(first) = all.failures.first() {
            // Writing to a string does not fail.
            let _ = write!(line, "; the first failure: {first}");
        }
        Err(Difference::new(line))
    }
}

impl Default for Soak {
    fn default() -> Self {
        Self {
            soak_iterations: 10,
            soak_max_failures: 0,
            soak_per_iteration_max_acceptable_latency_ms: 1000,
            soak_overall_timeout_seconds: 10,
            soak_min_time_ms_between_rpcs: 0,
            soak_request_size: LARGE_REQUEST,
            soak_response_size: LARGE_RESPONSE,
            soak_num_threads: 1,
        }
    }
}
