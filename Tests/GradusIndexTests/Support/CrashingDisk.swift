import Foundation
import GradusCore
@testable import GradusIndex

/// Calls to the disk of which the n-th and all after it find the power gone, and what is then on the disk.
///
/// The model: bytes of a file are on the disk once the file was flushed; names once their folder was. What was not flushed may be
/// there or not, in part or whole: ``Remains`` lists the extremes.
final class CrashingDisk: @unchecked Sendable {
  // Unchecked: guarded by `lock`.

  enum Remains: CaseIterable {
    /// Only what was flushed.
    case flushed
    /// Files were removed, but no name came or changed that was not flushed.
    case flushedAndRemoved
    /// All names, but of the files only what was flushed.
    case names
    /// All names and all bytes that were written.
    case everything
  }

  private final class File {
    var bytes: [UInt8]
    var flushed: [UInt8]

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      flushed = bytes
    }
  }

  private let lock = NSLock()
  private let folder: String
  private var remaining: Int
  private var names: [String: File] = [:]
  private var flushedNames: [String: File] = [:]
  private var removed: Set<String> = []
  private var descriptors: [Int32: File] = [:]
  private var folders: Set<Int32> = []

  /// - Parameter calls: How many there are before the crash.
  init(_ folder: String, calls: Int) throws {
    self.folder = folder
    remaining = calls
    for (name, bytes) in try TemporaryFolder.contents(of: folder) { names[name] = File(bytes) }
    flushedNames = names
  }

  var isDown: Bool { lock.withLock { remaining < 0 } }

  var calls: SystemCalls {
    let posix = SystemCalls.posix
    return SystemCalls(
      open: { path, flags in
        self.step { posix.open(path, flags) } then: { descriptor in self.opened(descriptor, path, flags) }
      },
      write: { descriptor, bytes, count in
        let written = self.step { Int32(posix.write(descriptor, bytes, count)) } then: { written in
          self.descriptors[descriptor]?.bytes.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: Int(written)))
        }
        // The write that meets the crash may have got half its bytes out.
        if written < 0 {
          self.lock.withLock {
            self.descriptors[descriptor]?.bytes += UnsafeRawBufferPointer(start: bytes, count: count / 2)
          }
        }
        return Int(written)
      },
      fsync: { descriptor in
        self.step { posix.fsync(descriptor) } then: { _ in
          if let file = self.descriptors[descriptor] { file.flushed = file.bytes }
          if self.folders.contains(descriptor) {
            self.flushedNames = self.names
            self.removed = []
          }
        }
      },
      rename: { from, to in
        self.step { posix.rename(from, to) } then: { _ in
          self.names[self.name(to)] = self.names.removeValue(forKey: self.name(from))
        }
      },
      unlink: { path in
        self.step { posix.unlink(path) } then: { _ in
          self.names[self.name(path)] = nil
          self.removed.insert(self.name(path))
        }
      })
  }

  /// Writes what is on the disk after the crash into another folder.
  func leave(_ remains: Remains, in target: String) throws {
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    try lock.withLock {
      let kept =
        switch remains {
        case .flushed: flushedNames
        case .flushedAndRemoved: flushedNames.filter { !removed.contains($0.key) }
        case .names, .everything: names
        }
      for (name, file) in kept {
        try TemporaryFolder.write(remains == .everything ? file.bytes : file.flushed, target + "/" + name)
      }
    }
  }

  private func name(_ path: String) -> String { String(path.dropFirst(folder.count + 1)) }

  private func opened(_ descriptor: Int32, _ path: String, _ flags: Int32) {
    if path == folder {
      folders.insert(descriptor)
      return
    }
    folders.remove(descriptor)
    let file = names[name(path)] ?? File([])
    if flags & O_TRUNC != 0 { file.bytes = [] }
    names[name(path)] = file
    descriptors[descriptor] = file
  }

  private func step(_ call: () -> Int32, then record: (Int32) -> Void) -> Int32 {
    lock.withLock {
      remaining -= 1
      guard remaining >= 0 else {
        errno = EIO
        return -1
      }
      let result = call()
      if result >= 0 { record(result) }
      return result
    }
  }
}
