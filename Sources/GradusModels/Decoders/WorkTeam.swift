import GradusCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Threads that stay together through many short stages of work: a token of a decoder is some 150 of them, and waking the
/// pool's threads for each would cost more than the work.
///
/// One thread leads and runs the program; the others wait, spinning, and help with the stage at hand. The leader waits only
/// for pieces that somebody has begun, so that a helper that comes late, or never, costs speed and nothing else.
///
/// `@unchecked Sendable`: `body` and `pieces` are written by the leader while no piece is claimed or can be, and read only by
/// threads that
/// have claimed a piece.
final class WorkTeam: @unchecked Sendable {
  /// Stage number in the upper half, pieces not yet claimed in the lower.
  private let ticket = Atomic<UInt64>(0)
  private let unfinished = Atomic<Int>(0)
  private let isLed = Atomic<Bool>(false)
  private let isOver = Atomic<Bool>(false)
  private var body: (_ piece: Int, _ member: Int) -> Void = { _, _ in }
  private var pieces = 0
  private var stageNumber: UInt64 = 0
  private let size: Int
  private var leader = 0

  private init(size: Int) { self.size = size }

  /// Runs `program` on one thread while the others of the pool help with its stages.
  static func run(on pool: WorkerPool, _ program: (WorkTeam) -> Void) {
    let team = WorkTeam(size: pool.threadLimit)
    pool.forEach(count: team.size) { member in
      if team.isLed.exchange(true, ordering: .acquiringAndReleasing) {
        team.help(member)
      } else {
        team.leader = member
        program(team)
        team.isOver.store(true, ordering: .releasing)
      }
    }
  }

  /// Calls `body(piece, member)` for each piece of `0..<count` and returns when all are done. `member` is below the pool's
  /// number of threads and tells whose scratch memory to use. Pieces begin in ascending order.
  func stage(_ count: Int, _ body: @escaping (_ piece: Int, _ member: Int) -> Void) {
    guard size > 1, count > 1 else {
      for piece in 0..<count { body(piece, leader) }
      return
    }
    self.body = body
    pieces = count
    unfinished.store(count, ordering: .relaxed)
    stageNumber &+= 1
    ticket.store(stageNumber << 32 | UInt64(count), ordering: .releasing)
    while let left = claim() {
      body(count - left, leader)
      unfinished.subtract(1, ordering: .releasing)
    }
    var spins = 0
    while unfinished.load(ordering: .acquiring) != 0 {
      spins += 1
      if spins > 2048 { sched_yield() }
    }
  }

  private func help(_ member: Int) {
    var spins = 0
    while !isOver.load(ordering: .acquiring) {
      if let left = claim() {
        body(pieces - left, member)
        unfinished.subtract(1, ordering: .releasing)
        spins = 0
      } else {
        spins += 1
        if spins > 4096 { sched_yield() }
      }
    }
  }

  /// How many pieces were left, this one included; nil where there is none.
  private func claim() -> Int? {
    var seen = ticket.load(ordering: .acquiring)
    while seen & 0xFFFF_FFFF != 0 {
      let result = ticket.weakCompareExchange(expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
      if result.exchanged { return Int(seen & 0xFFFF_FFFF) }
      seen = result.original
    }
    return nil
  }
}
