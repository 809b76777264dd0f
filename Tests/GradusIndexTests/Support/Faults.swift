import Foundation
import GradusCore
@testable import GradusIndex

/// Calls to the disk of which all from the n-th on fail as on a full disk; writes fail after half their bytes.
final class Faults: Sendable {
  private let remaining: Guarded<Int>

  init(after calls: Int) { remaining = Guarded(calls) }

  private func mayPass() -> Bool {
    remaining.withLock { remaining in
      remaining -= 1
      return remaining >= 0
    }
  }

  var calls: SystemCalls {
    let posix = SystemCalls.posix
    return SystemCalls(
      open: { path, flags in self.mayPass() ? posix.open(path, flags) : Self.fail() },
      write: { descriptor, bytes, count in
        if self.mayPass() { return posix.write(descriptor, bytes, count) }
        let half = count / 2
        return half > 0 && posix.write(descriptor, bytes, half) == half && self.isFirstFailure ? half : Int(Self.fail())
      },
      fsync: { descriptor in self.mayPass() ? posix.fsync(descriptor) : Self.fail() },
      rename: { from, to in self.mayPass() ? posix.rename(from, to) : Self.fail() })
  }

  private var isFirstFailure: Bool { remaining.withLock { $0 == -1 } }

  private static func fail() -> Int32 {
    errno = ENOSPC
    return -1
  }
}
