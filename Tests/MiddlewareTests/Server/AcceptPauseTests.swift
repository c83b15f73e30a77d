import Logging
import MiddlewareTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import Middleware

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

@Suite("AcceptPause")
struct AcceptPauseTests {
    /// What was set of `autoRead` last; `nil` when nothing was.
    private func reads(_ channel: EmbeddedChannel) -> Bool? { channel.options.last?.value as? Bool }

    @Test("without descriptors a listening socket is not read for a second, and then again")
    func pause() throws {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(handler: AcceptPause(logger: TestClient.silentLogger), loop: loop)
        let error = IOError(errnoCode: EMFILE, reason: "accept")
        channel.pipeline.fireErrorCaught(error)
        channel.pipeline.fireErrorCaught(error)
        #expect(reads(channel) == false)
        loop.advanceTime(by: .milliseconds(999))
        #expect(reads(channel) == false)
        loop.advanceTime(by: .milliseconds(1))
        #expect(reads(channel) == true)
        channel.pipeline.fireErrorCaught(error)
        #expect(reads(channel) == false)
        #expect(throws: Never.self) { try channel.throwIfErrorCaught() }
    }

    @Test("other errors pass")
    func others() {
        let channel = EmbeddedChannel(handler: AcceptPause(logger: TestClient.silentLogger))
        channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect(reads(channel) == nil)
        #expect(throws: ChannelError.self) { try channel.throwIfErrorCaught() }
    }
}
