import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("MemoryWire")
struct MemoryWireTests {
    @Test("bytes arrive after a flush, on a later turn")
    func passes() async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            pair.client.write(ByteBuffer(string: "hello"))
            await pair.settle()
            #expect(pair.atOrigin.text == "")
            pair.client.flush()
            #expect(pair.atOrigin.text == "")
            await pair.settle()
            #expect(pair.atOrigin.text == "hello")
        }
    }

    @Test("bytes arrive in pieces, and once each", arguments: [1, 3, 5, 100])
    func pieces(size: Int) async {
        await onLoop { worker in
            let pair = WirePair(on: worker, pieceBytes: size)
            pair.origin.write(ByteBuffer(string: "hello "))
            pair.origin.write(ByteBuffer(string: "world"))
            pair.origin.flush()
            await pair.settle()
            #expect(pair.atClient.text == "hello world" && pair.atClient.largest <= size)
        }
    }

    @Test("what is not read fills the buffer, and reading makes the writer writable again")
    func backPressure() async {
        await onLoop { worker in
            let pair = WirePair(on: worker, capacity: 10)
            pair.origin.setReading(false)
            pair.client.write(ByteBuffer(string: "123456789"))
            pair.client.flush()
            #expect(pair.client.isWritable)
            pair.client.write(ByteBuffer(string: "0"))
            pair.client.flush()
            await pair.settle()
            #expect(!pair.client.isWritable && pair.atOrigin.text.isEmpty)
            pair.origin.setReading(true)
            await pair.settle()
            #expect(pair.client.isWritable && pair.atOrigin.text == "1234567890")
            #expect(pair.atClient.events == ["writability"])
        }
    }

    @Test("a write tells when it has left, and when it cannot")
    func completion() async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            var results: [Bool] = []
            func note(_ result: Result<Void, any Error>) { results.append((try? result.get()) != nil) }
            pair.client.write(ByteBuffer(string: "a"), note)
            pair.client.flush()
            await pair.settle()
            #expect(results == [true])
            pair.client.write(ByteBuffer(string: "b"), note)
            pair.client.close()
            pair.client.write(ByteBuffer(string: "c"), note)
            await pair.settle()
            #expect(results == [true, false, false] && pair.atOrigin.text == "a")
        }
    }

    @Test("an end follows the bytes; the origin may still answer a client that half-closes")
    func halfClose() async {
        await onLoop { worker in
            let pair = WirePair(on: worker, clientHalfCloses: true)
            pair.client.write(ByteBuffer(string: "last"))
            pair.client.closeOutput()
            await pair.settle()
            #expect(pair.atOrigin.text == "last" && pair.atOrigin.events == ["input closed"])
            pair.origin.write(ByteBuffer(string: "answer"))
            pair.origin.flush()
            await pair.settle()
            #expect(pair.atClient.text == "answer" && pair.atClient.events.isEmpty)
            pair.origin.closeOutput()
            await pair.settle()
            #expect(pair.atClient.events == ["input closed", "closed"])
            #expect(pair.atOrigin.events == ["input closed", "closed"])
        }
    }

    @Test("a client socket closes when the origin does, behind the bytes")
    func closes() async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            pair.origin.write(ByteBuffer(string: "answer"))
            pair.origin.flush()
            pair.origin.close()
            await pair.settle()
            #expect(pair.atClient.text == "answer" && pair.atClient.events == ["closed"])
            #expect(pair.atOrigin.events == ["closed"])
            #expect(pair.client.isClosed && pair.origin.isClosed)
        }
    }

    @Test("a reset fails the other end, behind the bytes, and at once when it does not read", arguments: [true, false])
    func reset(isRead: Bool) async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            pair.client.setReading(isRead)
            pair.origin.write(ByteBuffer(string: "part"))
            pair.origin.flush()
            pair.origin.reset()
            await pair.settle()
            #expect(pair.atClient.text == (isRead ? "part" : "") && pair.atClient.events == ["failed"])
            #expect(pair.atOrigin.events == ["closed"])
        }
    }

    @Test("a write to an end that has closed ends in a failure")
    func writeToClosed() async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            pair.client.close()
            await pair.settle()
            #expect(pair.atOrigin.events == ["input closed"])
            pair.origin.write(ByteBuffer(string: "too late"))
            pair.origin.flush()
            await pair.settle()
            #expect(pair.atOrigin.events == ["input closed", "failed"])
        }
    }

    @Test("closing twice, resetting after a close and writing after an end change nothing")
    func idempotent() async {
        await onLoop { worker in
            let pair = WirePair(on: worker)
            pair.client.close()
            pair.client.close()
            pair.client.reset()
            pair.client.closeOutput()
            pair.client.flush()
            await pair.settle()
            #expect(pair.atClient.events == ["closed"] && pair.atOrigin.events == ["input closed"])
        }
    }

    @Test("both ends are released once both have closed")
    func released() async {
        await onLoop { worker in
            weak var client: MemoryWire?
            do {
                let pair = WirePair(on: worker)
                client = pair.client
                pair.client.close()
                pair.origin.close()
                await pair.settle()
            }
            #expect(client == nil)
        }
    }
}
