import { storeContract } from '@zk/store/testing';
import { Rng, Scheduler, type Scheduled } from '../src/index.ts';
import { Disk } from '../src/disk.ts';
import { SimStore } from '../src/sim-store.ts';

/** Simulated time that passes by itself, one event a turn: for tests that wait for promises. */
class PassingTime extends Scheduler {
  override at(time: number, run: () => void): Scheduled {
    setImmediate(() => this.step());
    return super.at(time, run);
  }
}

storeContract('The simulated store', () => {
  const disk = new Disk(new PassingTime(), new Rng(1));
  return {
    open: () => {
      disk.crash();
      return new SimStore(disk);
    },
    fill: () => disk.fill(),
    makeRoom: () => disk.makeRoom(),
  };
});
