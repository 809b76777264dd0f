/// What tensors hold in memory, for reports and tests.
public enum TensorMemory {
  /// Bytes of all buffers that tensors hold now.
  public static var liveBytes: Int { StorageCache.shared.usage.live }
  /// The most that `liveBytes` has ever been.
  public static var peakLiveBytes: Int { StorageCache.shared.usage.peak }
  /// Bytes of freed buffers that wait for the next tensor.
  public static var cachedBytes: Int { StorageCache.shared.usage.cached }

  /// The most bytes that freed buffers may hold; unless set, an eighth of the machine's memory, at least 512 MiB.
  public static var cacheLimitBytes: Int {
    get { StorageCache.shared.limit }
    set { StorageCache.shared.limit = newValue }
  }

  /// Gives the memory of all cached buffers back to the system, for example between training and serving.
  public static func releaseCache() { StorageCache.shared.releaseCached() }
}
