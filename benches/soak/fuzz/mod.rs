//! Pages as the simulator writes them, in every shape, mutated and taken through decoding and
//! normalising: nothing panics, nothing takes long, nothing is lost, and twice gives the same.
//!
//! Processes of their own do it, so that one that dies takes nothing with it. An input follows from a
//! seed and a number; one that fails is saved and named. Those that failed once come first.

mod check;
mod found;
mod mutate;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mava_export::simulator::{Shape, Simulator, SimulatorSpec, World, WorldSpec};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::check::{Came, check, processor_time};
use self::found::FOUND;
use self::mutate::mutate;
use self::tree::Node;

/// Failures of one process after which it stops: they mostly are the same.
const MOST_FAILURES: usize = 20;

/// Inputs between two looks at the processor's clock.
const BETWEEN: u64 = 256;

/// Fuzzes for so much processor time, in so many processes at once; gives how many failures there were.
pub(crate) fn run(processor: Duration, at_once: u32) -> usize {
    let seed: u64 = rand::random();
    let directory = directory();
    fs::create_dir_all(&directory).expect("a directory for what fails");
    let began = Instant::now();
    let each = processor / at_once;
    let program = std::env::current_exe().expect("a path");
    let children: Vec<(u64, Child)> = (0..at_once)
        .map(|number| {
            let seed = seed.wrapping_add(u64::from(number));
            let child = Command::new(&program)
                .args([
                    "fuzz-process",
                    &seed.to_string(),
                    &each.as_secs().to_string(),
                ])
                .arg(&directory)
                .stdout(Stdio::piped())
                .spawn();
            (seed, child.expect("it starts"))
        })
        .collect();
    let mut failures = found_again();
    for (seed, child) in children {
        let output = child.wait_with_output().expect("it ends");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        match output.status.code() {
            Some(0) => {}
            Some(code) => failures += usize::try_from(code).expect("positive"),
            None => {
                failures += 1;
                died(seed, &directory);
            }
        }
    }
    let (took, each) = (began.elapsed().as_secs_f64(), each.as_secs());
    println!(
        "fuzz: {at_once} processes of {each} s of processor time, {took:.0} s, {failures} failures"
    );
    failures
}

/// Looks at what failed once; gives how many fail again.
fn found_again() -> usize {
    let failed = FOUND.iter().filter(|(name, body)| {
        let looked = looked(body.as_bytes(), true);
        if let Err(words) = &looked {
            println!("fuzz: {name}, found before: {words}");
        }
        looked.is_err()
    });
    failed.count()
}

/// Names the input over which a process died.
fn died(seed: u64, directory: &Path) {
    let text = fs::read_to_string(directory.join(format!("{seed}.at"))).unwrap_or_default();
    let Ok(number) = text.trim().parse() else {
        println!("fuzz: the process of seed {seed} died");
        return;
    };
    let pages = pages();
    let path = save(directory, seed, number, &input(&pages, seed, number).bytes);
    println!(
        "fuzz: the process of seed {seed} died over {}",
        path.display()
    );
}

/// One of the processes: its seed, its processor time in seconds, and where failures are kept.
pub(crate) fn process(words: &[&str]) -> ExitCode {
    let [seed, seconds, directory] = words else {
        return ExitCode::from(200);
    };
    let seed: u64 = seed.parse().expect("a seed");
    let seconds: u64 = seconds.parse().expect("seconds");
    let directory = Path::new(directory);
    let pages = pages();
    // Where it is, for whoever finds it dead.
    let mut at = fs::File::create(directory.join(format!("{seed}.at"))).expect("a file");
    let (mut decoded, mut rows, mut rejects, mut bytes) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut failures: BTreeMap<String, PathBuf> = BTreeMap::new();
    // What goes wrong is told below, each kind once.
    std::panic::set_hook(Box::new(|_| {}));
    let mut number = 0;
    while number % BETWEEN > 0 || processor_time() < Duration::from_secs(seconds) {
        at.seek(SeekFrom::Start(0)).expect("it seeks");
        write!(at, "{number:<20}").expect("it writes");
        let mutated = input(&pages, seed, number);
        bytes += mutated.bytes.len() as u64;
        match looked(&mutated.bytes, mutated.is_written) {
            Ok(came) => {
                decoded += u64::from(came.is_page);
                rows += came.rows;
                rejects += came.rejects;
            }
            Err(words) => {
                let kind: String = words.chars().filter(|one| !one.is_ascii_digit()).collect();
                failures.entry(kind).or_insert_with(|| {
                    let path = save(directory, seed, number, &mutated.bytes);
                    println!("fuzz: {words}: {}", path.display());
                    path
                });
                if failures.len() >= MOST_FAILURES {
                    break;
                }
            }
        }
        number += 1;
    }
    println!(
        "fuzz: seed {seed}: {number} inputs, {:.0} MB, {decoded} of them pages, {rows} tickets to rows, \
         {rejects} to rejects, {} kinds of failures",
        bytes as f64 / 1e6,
        failures.len()
    );
    ExitCode::from(u8::try_from(failures.len()).expect("few"))
}

/// The input of this number.
fn input(pages: &[Node], seed: u64, number: u64) -> mutate::Mutated {
    let random = &mut StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let page = pages[random.random_range(0..pages.len())].clone();
    let other = &pages[random.random_range(0..pages.len())];
    mutate(random, page, other)
}

/// The check, in which a panic is a failure like any other.
fn looked(bytes: &[u8], is_written: bool) -> Result<Came, String> {
    catch_unwind(AssertUnwindSafe(|| check(bytes, is_written))).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Err(format!("a panic: {}", words.unwrap_or_default()))
    })
}

/// Looks at inputs that failed once more; gives how many still do.
pub(crate) fn replay(files: &[&str]) -> usize {
    let mut failures = 0;
    for file in files {
        let bytes = fs::read(file).expect("the file reads");
        // Whether the bytes were scratched is not kept: what is JSON is held to all of it.
        let is_written = serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok();
        match looked(&bytes, is_written) {
            Ok(came) => println!("{file}: {came:?}"),
            Err(words) => {
                failures += 1;
                println!("{file}: {words}");
            }
        }
    }
    failures
}

/// Where inputs that fail are kept: beside the build.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak")
}

fn save(directory: &Path, seed: u64, number: u64, bytes: &[u8]) -> PathBuf {
    let path = directory.join(format!("{seed}-{number}.json"));
    fs::write(&path, bytes).expect("it is saved");
    path
}

/// Small pages in every shape, as the simulator serves them.
fn pages() -> Vec<Node> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut pages = Vec::new();
        for (_, shape) in Shape::variants() {
            for (seed, tickets) in [(1, 1), (2, 3), (3, 6)] {
                pages.push(page(shape, seed, tickets).await);
            }
        }
        pages
    })
}

async fn page(shape: Shape, seed: u64, tickets: usize) -> Node {
    let world = World::generate(&WorldSpec {
        seed,
        tickets,
        mean_messages: 3.0,
        ..WorldSpec::default()
    });
    let spec = SimulatorSpec {
        shape,
        ..SimulatorSpec::new(world)
    };
    let simulator = Simulator::start(spec).await.expect("a simulator");
    let url = format!(
        "{}/api/tickets?startDate=2024-01-01&endDate=2024-07-01&limit=100&includeMessages=true",
        simulator.base_url()
    );
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client.get(url).header("x-auth-token", simulator.api_key());
    let answer = request.send().await.expect("an answer");
    let body = answer.bytes().await.expect("a body");
    Node::of(&serde_json::from_slice(&body).expect("JSON"))
}
