import mark from '../icon.svg';

export const Logo = ({ size = 24 }: { size?: number }) => <img src={mark} width={size} height={size} alt="" />;
