#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// A merge that runs on a thread of its own, while its writer goes on adding, deleting and committing.
final class BackgroundMerge: @unchecked Sendable {
  // Unchecked: `outcome` is written by the merge's thread before it sets `isFinished`, and read after that or after the join;
  // `thread` belongs to the writer, which is used from one thread at a time.

  let merger: SegmentMerger
  let number: Int
  private let finished = Atomic<Bool>(false)
  private var outcome: Result<IndexManifest.Segment, any Error>?
  #if canImport(Darwin)
  private var thread: pthread_t?
  #else
  private var thread = pthread_t()
  #endif
  private var isJoined = false

  var isFinished: Bool { finished.load(ordering: .acquiring) }

  /// Starts the merge; nil where the system has no more threads.
  init?(_ merger: SegmentMerger, number: Int) {
    self.merger = merger
    self.number = number
    let context = Unmanaged.passRetained(self).toOpaque()
    guard pthread_create(&thread, nil, mergeEntry, context) == 0 else {
      Unmanaged<BackgroundMerge>.fromOpaque(context).release()
      return nil
    }
  }

  fileprivate func run() {
    outcome = Result { try merger.merge(number: number) }
    finished.store(true, ordering: .releasing)
  }

  /// Waits for the merge and gives the new segment.
  func result() throws -> IndexManifest.Segment {
    wait()
    // The thread has ended, and it ends by setting the outcome.
    return try outcome!.get()
  }

  /// Waits for the merge.
  func wait() {
    guard !isJoined else { return }
    isJoined = true
    #if canImport(Darwin)
    if let thread { pthread_join(thread, nil) }
    #else
    pthread_join(thread, nil)
    #endif
  }
}

#if canImport(Darwin)
private func mergeEntry(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  Unmanaged<BackgroundMerge>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
#else
private func mergeEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<BackgroundMerge>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
#endif
