import Foundation
import GradusCore
@testable import GradusIndex

/// Calls to the disk of which all from the n-th on fail as on a full disk; writes fail after half their bytes.
final class Faults: Sendable {
  private let remaining: Guarded<Int>
  private let code: Int32
  private let isLasting: Bool

  /// - Parameters:
  ///   - code: What the calls fail with.
  ///   - isLasting: Whether calls after the first that fails do so too.
  init(after calls: Int, code: Int32 = ENOSPC, isLasting: Bool = true) {
    remaining = Guarded(calls)
    self.code = code
    self.isLasting = isLasting
  }

  private func mayPass() -> Bool {
    remaining.withLock { remaining in
      remaining -= 1
      return remaining >= 0 || (!isLasting && remaining < -1)
    }
  }

  var calls: SystemCalls {
    let posix = SystemCalls.posix
    return SystemCalls(
      open: { path, flags in self.mayPass() ? posix.open(path, flags) : self.fail() },
      write: { descriptor, bytes, count in
        if self.mayPass() { return posix.write(descriptor, bytes, count) }
        let half = count / 2
        return half > 0 && posix.write(descriptor, bytes, half) == half && self.isFirstFailure ? half : Int(self.fail())
      },
      fsync: { descriptor in self.mayPass() ? posix.fsync(descriptor) : self.fail() },
      rename: { from, to in self.mayPass() ? posix.rename(from, to) : self.fail() })
  }

  private var isFirstFailure: Bool { remaining.withLock { $0 == -1 } }

  private func fail() -> Int32 {
    errno = code
    return -1
  }
}
