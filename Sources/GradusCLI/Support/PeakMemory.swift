import Gradus

/// The most memory that the process has had so far.
enum PeakMemory {
  static var megabytes: Double { Double(ProcessMemory.peakBytes) / 1e6 }
}
