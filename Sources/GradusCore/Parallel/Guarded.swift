#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A value behind a lock.
///
///     let entries = Guarded<[String]>([])
///     entries.withLock { $0.append("one") }
///
/// Why not `Synchronization.Mutex`: on Linux its lock lies inside a library that the thread sanitizer cannot see, which then
/// reports a race wherever the lock did its work. A POSIX mutex is seen, so that real races can be told.
///
/// `@unchecked Sendable`: the value is touched only while `mutex` is held.
public final class Guarded<Value>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  public init(_ value: sending Value) {
    self.value = value
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Calls `body` with the value while no other thread can. Not recursive: `body` must not lock the same object.
  public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
