#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The calls through which an index reaches the disk, so that tests can make any of them fail.
///
/// Each behaves as the POSIX function of its name, `errno` included.
struct SystemCalls: Sendable {
  var open: @Sendable (_ path: String, _ flags: Int32) -> Int32
  var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int
  var fsync: @Sendable (_ descriptor: Int32) -> Int32
  var rename: @Sendable (_ from: String, _ to: String) -> Int32
  var unlink: @Sendable (_ path: String) -> Int32 = { path in
    #if canImport(Glibc)
    Glibc.unlink(path)
    #elseif canImport(Musl)
    Musl.unlink(path)
    #else
    Darwin.unlink(path)
    #endif
  }

  static let posix = SystemCalls(
    open: { path, flags in
      #if canImport(Glibc)
      Glibc.open(path, flags, 0o666)
      #elseif canImport(Musl)
      Musl.open(path, flags, 0o666)
      #else
      Darwin.open(path, flags, 0o666)
      #endif
    },
    write: { descriptor, bytes, count in
      #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
      #elseif canImport(Musl)
      Musl.write(descriptor, bytes, count)
      #else
      Darwin.write(descriptor, bytes, count)
      #endif
    },
    fsync: { descriptor in
      #if canImport(Glibc)
      Glibc.fsync(descriptor)
      #elseif canImport(Musl)
      Musl.fsync(descriptor)
      #else
      Darwin.fsync(descriptor)
      #endif
    },
    rename: { from, to in
      #if canImport(Glibc)
      Glibc.rename(from, to)
      #elseif canImport(Musl)
      Musl.rename(from, to)
      #else
      Darwin.rename(from, to)
      #endif
    })
}
