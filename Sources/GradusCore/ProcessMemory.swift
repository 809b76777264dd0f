#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Physical memory of this process and of the machine, as the system counts it.
public enum ProcessMemory {
  /// The most that the process has had so far, in bytes.
  public static var peakBytes: Int {
    var usage = rusage()
    #if canImport(Darwin)
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
    #elseif canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
    #else
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss * 1024
    #endif
  }

  /// What the machine has, in bytes.
  public static let physicalBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

  /// What it has now, in bytes; the peak where the system does not tell.
  public static var residentBytes: Int {
    #if canImport(Darwin)
    return peakBytes
    #else
    // Sizes in pages: all of the address space, then what is in memory.
    guard let file = fopen("/proc/self/statm", "r") else { return peakBytes }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return peakBytes }
    let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return peakBytes }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    #endif
  }
}
