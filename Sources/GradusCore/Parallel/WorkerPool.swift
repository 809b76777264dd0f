#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// The one thread pool of the process: splits numeric work over a fixed number of threads.
///
/// Work is cut into indexed pieces whose boundaries depend on the work alone, never on the number of threads, and each
/// piece writes its own slice of the output: 1 and 64 threads then give the same bits.
///
///     WorkerPool.shared.forEach(count: rows.count) { row in output[row] = score(rows[row]) }
///
/// A call from inside a piece, or while another thread uses the pool, runs on the calling thread alone.
///
/// `@unchecked Sendable`: all shared state is either atomic or guarded by `mutex`; `job` is written only while no worker
/// is inside a job.
public final class WorkerPool: @unchecked Sendable {
  /// Sized by `GRADUS_THREADS` where set (at most 1,024), else by the processors that are online.
  public static let shared = WorkerPool(threads: defaultThreadCount())

  /// Threads that take part, the caller included.
  public let threads: Int

  private let activeLimit: Atomic<Int>
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let busy = Atomic<Bool>(false)
  private let generation = Atomic<Int>(0)
  private let nextPiece = Atomic<Int>(0)
  private let workersInside = Atomic<Int>(0)
  private var job: Job?
  private var isStopping = false
  private var handles: [pthread_t] = []

  private struct Job {
    let body: (Int) -> Void
    let count: Int
    /// Worker threads that may take part, the caller not counted.
    let helpers: Int
  }

  public init(threads: Int) {
    self.threads = max(1, threads)
    activeLimit = Atomic(self.threads)
    mutex.initialize(to: pthread_mutex_t())
    wake.initialize(to: pthread_cond_t())
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
  }

  /// How many threads calls use from now on, between 1 and `threads`. Results do not depend on it.
  public var threadLimit: Int {
    get { activeLimit.load(ordering: .relaxed) }
    set { activeLimit.store(min(max(1, newValue), threads), ordering: .relaxed) }
  }

  /// Calls `body` once for each of `0..<count`, on several threads, and returns when all are done.
  ///
  /// Pieces are handed out in order, one at a time; make them large enough (some ten microseconds) to pay for that.
  /// `body` must write only what belongs to its own piece.
  public func forEach(count: Int, _ body: (Int) -> Void) {
    let limit = threadLimit
    guard count > 1, limit > 1,
      busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      for piece in 0..<max(0, count) { body(piece) }
      return
    }
    startWorkersIfNeeded()
    withoutActuallyEscaping(body) { escaping in
      pthread_mutex_lock(mutex)
      job = Job(body: escaping, count: count, helpers: min(limit, count) - 1)
      nextPiece.store(0, ordering: .relaxed)
      workersInside.store(handles.count, ordering: .relaxed)
      generation.add(1, ordering: .releasing)
      pthread_cond_broadcast(wake)
      pthread_mutex_unlock(mutex)

      drain(count: count, escaping)
      // Every worker checks out of every job, so that none can hold on to a body whose call has returned.
      var spins = 0
      while workersInside.load(ordering: .acquiring) != 0 {
        spins += 1
        if spins > 4096 { sched_yield() }
      }
      job = nil
    }
    busy.store(false, ordering: .releasing)
  }

  /// Cuts `0..<count` into ranges of `grain` (the last may be shorter) and calls `body` for each of them.
  public func forEachRange(count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    let grain = max(1, grain)
    forEach(count: (count + grain - 1) / grain) { piece in
      let start = piece * grain
      body(start..<min(count, start + grain))
    }
  }

  private func drain(count: Int, _ body: (Int) -> Void) {
    while true {
      let piece = nextPiece.add(1, ordering: .relaxed).oldValue
      if piece >= count { return }
      body(piece)
    }
  }

  private func startWorkersIfNeeded() {
    guard handles.isEmpty, threads > 1 else { return }
    for number in 1..<threads {
      let context = Unmanaged.passRetained(WorkerContext(pool: self, number: number)).toOpaque()
      #if canImport(Darwin)
      var handle: pthread_t?
      #else
      var handle = pthread_t()
      #endif
      let status = pthread_create(&handle, nil, workerEntry, context)
      guard status == 0 else {
        Unmanaged<WorkerContext>.fromOpaque(context).release()
        break  // Fewer threads than asked for: slower, same results.
      }
      #if canImport(Darwin)
      if let handle { handles.append(handle) }
      #else
      handles.append(handle)
      #endif
    }
  }

  fileprivate func work(number: Int) {
    var seen = 0
    while true {
      var spins = 0
      while generation.load(ordering: .acquiring) == seen && spins < 2048 { spins += 1 }
      if takePart(number: number, seen: &seen) == .stopping { return }
      workersInside.subtract(1, ordering: .releasing)
    }
  }

  private enum Participation { case finished, stopping }

  /// Waits for a job and works on it. A function of its own, never inlined: its reference to the job's closure is gone
  /// when it returns, so before the worker checks out. The caller's closure must not be held after that.
  @inline(never)
  private func takePart(number: Int, seen: inout Int) -> Participation {
    pthread_mutex_lock(mutex)
    while generation.load(ordering: .acquiring) == seen && !isStopping { pthread_cond_wait(wake, mutex) }
    let stopping = isStopping
    seen = generation.load(ordering: .acquiring)
    let current = job
    pthread_mutex_unlock(mutex)
    if stopping { return .stopping }
    if let current, number <= current.helpers { drain(count: current.count, current.body) }
    return .finished
  }

  private static func defaultThreadCount() -> Int {
    if let text = getenv("GRADUS_THREADS"), let count = Int(String(cString: text)), count > 0 { return min(count, 1024) }
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Ends the threads. The shared pool lives as long as the process; pools made for tests are stopped by this.
  public func stop() {
    pthread_mutex_lock(mutex)
    isStopping = true
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for handle in handles { pthread_join(handle, nil) }
    handles = []
  }
}

private final class WorkerContext {
  let pool: WorkerPool
  let number: Int

  init(pool: WorkerPool, number: Int) {
    self.pool = pool
    self.number = number
  }
}

#if canImport(Darwin)
private func workerEntry(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  let context = Unmanaged<WorkerContext>.fromOpaque(argument).takeRetainedValue()
  context.pool.work(number: context.number)
  return nil
}
#else
private func workerEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let context = Unmanaged<WorkerContext>.fromOpaque(argument).takeRetainedValue()
  context.pool.work(number: context.number)
  return nil
}
#endif
